package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/octo-example/mount-monitor/internal/mount"
)

// State is what was found at one mount point.
type State struct {
	Point      string `json:"point"`
	Mounted    bool   `json:"mounted"`
	FileSystem string `json:"fileSystem,omitempty"`
	Source     string `json:"source,omitempty"`
	Answers    bool   `json:"answers"`
	Problem    string `json:"problem,omitempty"`
}

// OK tells whether the mount point can be used.
func (s State) OK() bool { return s.Mounted && s.Answers }

// Monitor watches mount points. Make one with New; its methods may be called at the same time.
type Monitor struct {
	timeout time.Duration
	table   func() (mount.Table, error)
	read    func(Target) error
	probes  []*probe
}

// New makes a monitor that gives every mount point this long to answer.
func New(targets []Target, timeout time.Duration) *Monitor {
	m := &Monitor{
		timeout: timeout,
		table:   func() (mount.Table, error) { return mount.ReadTable(mount.TablePath) },
		read:    read,
	}
	for _, target := range targets {
		m.probes = append(m.probes, &probe{target: target})
	}
	return m
}

// Check looks at all mount points at once and returns within the timeout, in the order of the targets.
func (m *Monitor) Check(ctx context.Context) []State {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	table, tableErr := m.table()
	states := make([]State, len(m.probes))
	var checks sync.WaitGroup
	for i, p := range m.probes {
		checks.Go(func() { states[i] = m.check(ctx, p, table, tableErr) })
	}
	checks.Wait()
	return states
}

func (m *Monitor) check(ctx context.Context, p *probe, table mount.Table, tableErr error) State {
	state := State{Point: p.target.Point}
	if tableErr != nil {
		state.Problem = tableErr.Error()
		return state
	}
	mounted, found := table.At(p.target.Point)
	if !found {
		state.Problem = "nothing is mounted there"
		return state
	}
	state.Mounted, state.FileSystem, state.Source = true, mounted.FileSystem, mounted.Source
	err := p.answer(ctx, m.read)
	switch {
	case err == nil:
		state.Answers = true
	case errors.Is(err, context.DeadlineExceeded):
		state.Problem = fmt.Sprintf("no answer within %v", m.timeout)
	default:
		state.Problem = err.Error()
	}
	return state
}

// probe asks one mount point. A read from a dead server cannot be interrupted, so it has a goroutine of its own, and
// whoever asks meanwhile joins it: however often a hung mount is asked, one thread hangs.
type probe struct {
	target Target

	mu      sync.Mutex
	pending *reply
}

type reply struct {
	done chan struct{}
	err  error // to be read once done is closed
}

func (p *probe) answer(ctx context.Context, read func(Target) error) error {
	pending := p.ask(read)
	select {
	case <-pending.done:
		return pending.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *probe) ask(read func(Target) error) *reply {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending != nil {
		return p.pending
	}
	pending := &reply{done: make(chan struct{})}
	p.pending = pending
	go func() {
		pending.err = read(p.target)
		p.mu.Lock()
		p.pending = nil
		p.mu.Unlock()
		close(pending.done)
	}()
	return pending
}

// read asks the file system for something that it cannot answer without its server. One byte or one name will do, and
// an empty file or directory is as good as any.
func read(target Target) error {
	path, ask := target.Canary, func(file *os.File) error {
		_, err := file.Read(make([]byte, 1))
		return err
	}
	if path == "" {
		path, ask = target.Point, func(file *os.File) error {
			_, err := file.Readdirnames(1)
			return err
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := ask(file); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}
