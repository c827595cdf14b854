package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octo-example/mount-monitor/internal/monitor"
)

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestVersion(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if err := run(t.Context(), []string{"--version"}, environment(nil), &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != Version+"\n" || stderr.Len() != 0 {
		t.Errorf("got %q on standard output and %q on standard error", stdout.String(), stderr.String())
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		env     map[string]string
		address string
		timeout time.Duration
		targets []monitor.Target
	}{
		{"defaults", nil, nil, ":8080", 2 * time.Second, nil},
		{"environment", nil, map[string]string{"MOUNT_MONITOR_MOUNTS": "/a,/b=c", "MOUNT_MONITOR_ADDRESS": ":1"},
			":1", 2 * time.Second, []monitor.Target{{Point: "/a"}, {Point: "/b", Canary: "/b/c"}}},
		{"flags", []string{"--address", ":2", "--timeout", "1m", "--mount", "/a", "--mount=/b"}, nil,
			":2", time.Minute, []monitor.Target{{Point: "/a"}, {Point: "/b"}}},
		{"both", []string{"--address", ":2", "--mount=/b"}, map[string]string{"MOUNT_MONITOR_MOUNTS": "/a", "MOUNT_MONITOR_ADDRESS": ":1"},
			":2", 2 * time.Second, []monitor.Target{{Point: "/a"}, {Point: "/b"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parse(test.args, environment(test.env), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			if got.address != test.address || got.timeout != test.timeout || !slices.Equal(got.targets, test.targets) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRunRefuses(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		env     map[string]string
		message string
	}{
		{"nothing to watch", nil, nil, "MOUNT_MONITOR_MOUNTS"},
		{"relative mount point", []string{"--mount", "data"}, nil, `"data"`},
		{"bad environment", nil, map[string]string{"MOUNT_MONITOR_MOUNTS": "data"}, `MOUNT_MONITOR_MOUNTS: mount point "data"`},
		{"unknown flag", []string{"--mounts", "/data"}, nil, "mounts"},
		{"argument", []string{"/data"}, nil, `"/data"`},
		{"no time", []string{"--mount", "/data", "--timeout", "0s"}, nil, "--timeout 0s"},
		{"bad address", []string{"--mount", "/data", "--address", "nowhere"}, nil, "nowhere"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := run(t.Context(), test.args, environment(test.env), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.message) {
				t.Errorf("got error %v, want one with %q", err, test.message)
			}
		})
	}
}

func TestServeFinishesRequests(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stop() // the process is asked to stop in the middle of this request
		io.WriteString(w, "finished")
	})
	go func() { served <- serve(ctx, listener, handler) }()
	response, err := http.Get("http://" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "finished" {
		t.Errorf("got %q, %v", body, err)
	}
	if err := <-served; err != nil {
		t.Errorf("a clean stop returned %v", err)
	}
}
