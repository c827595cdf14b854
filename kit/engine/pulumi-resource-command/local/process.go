package local

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
)

// How long a cancelled command may take to clean up before it is killed.
const gracePeriod = 5 * time.Second

var defaultInterpreter = []string{"/bin/sh", "-c"}

// run starts command in a process group of its own and waits for it. When ctx ends first, which it does when Pulumi
// cancels, the whole group is told to stop and then killed. The error of a failed command carries what it printed.
func run(ctx context.Context, command string, how Execution, previous Output) (Output, error) {
	argv := defaultInterpreter
	if how.Interpreter != nil && len(*how.Interpreter) > 0 {
		argv = *how.Interpreter
	}
	argv = append(slices.Clone(argv), command)

	process := exec.Command(argv[0], argv[1:]...)
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.Env = environment(how, previous)
	if how.Dir != nil {
		// Otherwise the error would name the interpreter as the missing file.
		if _, err := os.Stat(*how.Dir); err != nil {
			return previous, fmt.Errorf("dir: %w: running %q", err, command)
		}
		process.Dir = *how.Dir
	}
	if how.Stdin != nil {
		process.Stdin = strings.NewReader(*how.Stdin)
	}
	var stdout, stderr bytes.Buffer
	both := &lockedBuffer{}
	shown := &lineLog{show: func(line string) { p.GetLogger(ctx).InfoStatus(line) }}
	process.Stdout = streams(&stdout, both, shown, how.Logging.shows(LogStdout))
	process.Stderr = streams(&stderr, both, shown, how.Logging.shows(LogStderr))

	err := startAndWait(ctx, process)
	shown.flush()
	if err != nil {
		return previous, fmt.Errorf("%w: running %q:\n%s", err, command, both)
	}
	return Output{Stdout: withoutNewline(stdout), Stderr: withoutNewline(stderr)}, nil
}

func startAndWait(ctx context.Context, process *exec.Cmd) error {
	if err := process.Start(); err != nil {
		return err
	}
	finished := make(chan error, 1)
	go func() { finished <- process.Wait() }()
	select {
	case err := <-finished:
		return err
	case <-ctx.Done():
	}
	group := -process.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-finished:
	case <-time.After(gracePeriod):
	}
	// Also after an orderly end: a child may have ignored the signal, or closed its output and gone on.
	_ = syscall.Kill(group, syscall.SIGKILL)
	return fmt.Errorf("stopped: %w", context.Cause(ctx))
}

// environment is the plugin's own, then the command's, then the previous run's output where there was some.
func environment(how Execution, previous Output) []string {
	env := os.Environ()
	if how.Environment != nil {
		for name, value := range *how.Environment {
			env = append(env, name+"="+value)
		}
	}
	if how.AddPreviousOutputInEnv == nil || *how.AddPreviousOutputInEnv {
		if previous.Stdout != "" {
			env = append(env, "PULUMI_COMMAND_STDOUT="+previous.Stdout)
		}
		if previous.Stderr != "" {
			env = append(env, "PULUMI_COMMAND_STDERR="+previous.Stderr)
		}
	}
	return env
}

func streams(own, both, shown io.Writer, show bool) io.Writer {
	if show {
		return io.MultiWriter(own, both, shown)
	}
	return io.MultiWriter(own, both)
}

func withoutNewline(b bytes.Buffer) string { return strings.TrimSuffix(b.String(), "\n") }

// lockedBuffer collects both streams in the order in which they came.
type lockedBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(data []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(data)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

// lineLog shows whole lines as they come; flush shows what is left of the last one.
type lineLog struct {
	mutex sync.Mutex
	rest  []byte
	show  func(line string)
}

func (l *lineLog) Write(data []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.rest = append(l.rest, data...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(data), nil
		}
		l.show(string(line))
		l.rest = rest
	}
}

func (l *lineLog) flush() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if len(l.rest) > 0 {
		l.show(string(l.rest))
		l.rest = nil
	}
}
