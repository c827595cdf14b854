module github.com/octo-example/mount-monitor

go 1.26.0

toolchain go1.26.8
