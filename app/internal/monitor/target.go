// Package monitor tells whether mount points are mounted and answer in time.
package monitor

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Target is a mount point to watch.
type Target struct {
	Point  string // absolute path
	Canary string // absolute path of a file on it that must be readable; the mount point itself when empty
}

// ParseTarget reads "POINT" or "POINT=FILE", where FILE is relative to the mount point.
func ParseTarget(text string) (Target, error) {
	point, canary, named := strings.Cut(text, "=")
	if !filepath.IsAbs(point) {
		return Target{}, fmt.Errorf("mount point %q is not an absolute path", point)
	}
	target := Target{Point: filepath.Clean(point)}
	if named {
		if !filepath.IsLocal(canary) {
			return Target{}, fmt.Errorf("canary %q of %s is not a file below the mount point", canary, target.Point)
		}
		target.Canary = filepath.Join(target.Point, canary)
	}
	return target, nil
}

// ParseTargets reads a comma-separated list of targets; empty text is an empty list.
func ParseTargets(text string) ([]Target, error) {
	var targets []Target
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		target, err := ParseTarget(part)
		if err != nil {
			return nil, err
		}
		targets = append(targets, target)
	}
	return targets, nil
}
