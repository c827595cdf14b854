// Package mount reads the kernel's table of mounted file systems.
package mount

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// TablePath is where Linux shows the mounts that this process sees.
const TablePath = "/proc/self/mountinfo"

// Mount is one mounted file system.
type Mount struct {
	Point      string // absolute path it is mounted at
	FileSystem string // its type, such as nfs4 or ext4
	Source     string // what is mounted, such as server:/export
}

// Table holds mounts in the order in which they were mounted.
type Table []Mount

// ReadTable reads the table at path. The kernel answers from memory: a dead server cannot make it hang.
func ReadTable(path string) (Table, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return ParseTable(file)
}

// ParseTable parses the format of proc_pid_mountinfo(5).
func ParseTable(r io.Reader) (Table, error) {
	var table Table
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20) // overlay file systems have long option lists
	for lines.Scan() {
		if lines.Text() == "" {
			continue
		}
		mount, err := parseLine(lines.Text())
		if err != nil {
			return nil, err
		}
		table = append(table, mount)
	}
	return table, lines.Err()
}

// At returns what is mounted at exactly this path: the last mount, which hides those below it.
func (t Table) At(point string) (Mount, bool) {
	for i := len(t) - 1; i >= 0; i-- {
		if t[i].Point == point {
			return t[i], true
		}
	}
	return Mount{}, false
}

// A line is: ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [OPTIONAL…] - TYPE SOURCE SUPER_OPTIONS
func parseLine(line string) (Mount, error) {
	before, after, found := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !found || len(left) < 6 || len(right) < 2 {
		return Mount{}, fmt.Errorf("mount table has an unexpected line %q", line)
	}
	return Mount{Point: unescape(left[4]), FileSystem: right[0], Source: unescape(right[1])}, nil
}

// The kernel writes space, tab, newline and backslash as three octal digits.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace
