// Command mount-monitor watches mount points and serves their health over HTTP.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/octo-example/mount-monitor/internal/monitor"
)

// Version is the released version, without a leading v; the build sets it.
var Version = "dev"

// How long requests in progress may take once the process is asked to stop.
const shutdownTimeout = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "mount-monitor:", err)
		os.Exit(1)
	}
}

type settings struct {
	address string
	targets []monitor.Target
	timeout time.Duration
	version bool
}

func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) error {
	s, err := parse(args, env, stderr)
	if err != nil {
		return err
	}
	if s.version {
		_, err := fmt.Fprintln(stdout, Version)
		return err
	}
	if len(s.targets) == 0 {
		return errors.New("no mount point to watch: give --mount /data, or set MOUNT_MONITOR_MOUNTS=/data,/backup=.canary")
	}
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewJSONHandler(stderr, nil))
	log.Info("serving", "address", listener.Addr().String(), "version", Version, "mounts", len(s.targets))
	return serve(ctx, listener, monitor.Handler(monitor.New(s.targets, s.timeout), Version))
}

// parse reads the environment first, so that flags win over it; mount points of both are watched.
func parse(args []string, env func(string) string, stderr io.Writer) (settings, error) {
	var s settings
	targets, err := monitor.ParseTargets(env("MOUNT_MONITOR_MOUNTS"))
	if err != nil {
		return s, fmt.Errorf("MOUNT_MONITOR_MOUNTS: %w", err)
	}
	s.targets = targets
	address := env("MOUNT_MONITOR_ADDRESS")
	if address == "" {
		address = ":8080"
	}
	flags := flag.NewFlagSet("mount-monitor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.address, "address", address, "`host:port` to serve /livez and /readyz on")
	flags.DurationVar(&s.timeout, "timeout", 2*time.Second, "how long a mount point may take to answer")
	flags.BoolVar(&s.version, "version", false, "print the version and exit")
	flags.Func("mount", "`POINT[=FILE]` to watch, with a canary file on it; may be repeated", func(text string) error {
		target, err := monitor.ParseTarget(text)
		s.targets = append(s.targets, target)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q; see --help", flags.Arg(0))
	}
	if s.timeout <= 0 {
		return s, fmt.Errorf("--timeout %v must be more than 0", s.timeout)
	}
	return s, nil
}

// serve answers until ctx ends, then lets requests in progress finish.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	// ctx has ended already, and the requests in progress get time of their own.
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return server.Shutdown(grace)
}
