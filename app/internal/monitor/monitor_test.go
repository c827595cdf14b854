package monitor

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/octo-example/mount-monitor/internal/mount"
)

var data = mount.Table{{Point: "/data", FileSystem: "nfs4", Source: "server:/export"}}

// monitorOf watches /data with the given table and read instead of this machine's.
func monitorOf(table mount.Table, tableErr error, read func(Target) error) *Monitor {
	m := New([]Target{{Point: "/data"}}, time.Second)
	m.table = func() (mount.Table, error) { return table, tableErr }
	m.read = read
	return m
}

func TestCheck(t *testing.T) {
	answers := func(Target) error { return nil }
	tests := []struct {
		name     string
		table    mount.Table
		tableErr error
		read     func(Target) error
		want     State
		ok       bool
	}{
		{"mounted and answers", data, nil, answers,
			State{Point: "/data", Mounted: true, FileSystem: "nfs4", Source: "server:/export", Answers: true}, true},
		{"not mounted", nil, nil, answers,
			State{Point: "/data", Problem: "nothing is mounted there"}, false},
		{"no mount table", nil, errors.New("no /proc"), answers,
			State{Point: "/data", Problem: "no /proc"}, false},
		{"stale file handle", data, nil, func(Target) error { return errors.New("stale file handle") },
			State{Point: "/data", Mounted: true, FileSystem: "nfs4", Source: "server:/export", Problem: "stale file handle"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := monitorOf(test.table, test.tableErr, test.read).Check(t.Context())
			if !slices.Equal(got, []State{test.want}) || got[0].OK() != test.ok {
				t.Errorf("got %+v, want %+v (ok %v)", got, test.want, test.ok)
			}
		})
	}
}

func TestHungReadHangsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int32
		server := make(chan struct{})
		m := monitorOf(data, nil, func(Target) error {
			reads.Add(1)
			<-server
			return nil
		})
		start := time.Now()
		for range 3 {
			state := m.Check(t.Context())[0]
			if state.OK() || state.Problem != "no answer within 1s" {
				t.Errorf("a hung mount is %+v", state)
			}
		}
		if waited := time.Since(start); waited != 3*time.Second {
			t.Errorf("three checks took %v, want the timeout each", waited)
		}
		if reads.Load() != 1 {
			t.Errorf("a hung mount was read %d times, want once", reads.Load())
		}
		close(server)
		synctest.Wait()
		if state := m.Check(t.Context())[0]; !state.OK() {
			t.Errorf("the mount answers again and is %+v", state)
		}
		if reads.Load() != 2 {
			t.Errorf("got %d reads, want a new one once the first has returned", reads.Load())
		}
	})
}

func TestCheckEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := make(chan struct{})
		defer close(server)
		m := monitorOf(data, nil, func(Target) error { <-server; return nil })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if state := m.Check(ctx)[0]; state.OK() || state.Problem != "context canceled" {
			t.Errorf("got %+v", state)
		}
	})
}

func TestRead(t *testing.T) {
	directory := t.TempDir()
	empty, full := filepath.Join(directory, "empty"), filepath.Join(directory, "full")
	for path, text := range map[string]string{empty: "", full: "alive"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name   string
		target Target
		ok     bool
	}{
		{"directory", Target{Point: directory}, true},
		{"empty directory", Target{Point: t.TempDir()}, true},
		{"canary", Target{Point: directory, Canary: full}, true},
		{"empty canary", Target{Point: directory, Canary: empty}, true},
		{"missing canary", Target{Point: directory, Canary: filepath.Join(directory, "missing")}, false},
		{"canary is a directory", Target{Point: directory, Canary: directory}, false},
		{"missing directory", Target{Point: filepath.Join(directory, "missing")}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if err := read(test.target); (err == nil) != test.ok {
				t.Errorf("got error %v, want ok %v", err, test.ok)
			}
		})
	}
}

func TestHandler(t *testing.T) {
	answers := func(Target) error { return nil }
	healthy, unmounted := monitorOf(data, nil, answers), monitorOf(nil, nil, answers)
	tests := []struct {
		name, method, path string
		monitor            *Monitor
		status             int
		body               string
	}{
		{"live", "GET", "/livez", healthy, 200, `{"status":"ok","version":"1.2.3"}`},
		{"live without its mounts", "GET", "/livez", unmounted, 200, `{"status":"ok","version":"1.2.3"}`},
		{"ready", "GET", "/readyz", healthy, 200,
			`{"status":"ok","mounts":[{"point":"/data","mounted":true,"fileSystem":"nfs4","source":"server:/export","answers":true}]}`},
		{"not ready", "GET", "/readyz", unmounted, 503,
			`{"status":"unavailable","mounts":[{"point":"/data","mounted":false,"answers":false,"problem":"nothing is mounted there"}]}`},
		{"unknown path", "GET", "/", healthy, 404, "404 page not found"},
		{"unknown method", "POST", "/livez", healthy, 405, "Method Not Allowed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			recorder := httptest.NewRecorder()
			Handler(test.monitor, "1.2.3").ServeHTTP(recorder, httptest.NewRequest(test.method, test.path, nil))
			if recorder.Code != test.status || strings.TrimSpace(recorder.Body.String()) != test.body {
				t.Errorf("got %d %s, want %d %s", recorder.Code, recorder.Body, test.status, test.body)
			}
			if want := "application/json"; test.status == http.StatusOK && recorder.Header().Get("Content-Type") != want {
				t.Errorf("got content type %q, want %q", recorder.Header().Get("Content-Type"), want)
			}
		})
	}
}
