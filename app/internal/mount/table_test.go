package mount

import (
	"slices"
	"strings"
	"testing"
)

const table = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
36 22 0:31 / /data rw,nosuid shared:5 master:2 - nfs4 server:/export rw,vers=4.2
37 22 0:32 / /with\040space rw - tmpfs tmp\134fs rw
38 36 0:33 / /data rw - overlay overlay rw,lowerdir=/a:/b

`

func TestParseTable(t *testing.T) {
	got, err := ParseTable(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	want := Table{
		{Point: "/", FileSystem: "ext4", Source: "/dev/sda1"},
		{Point: "/data", FileSystem: "nfs4", Source: "server:/export"},
		{Point: "/with space", FileSystem: "tmpfs", Source: `tmp\fs`},
		{Point: "/data", FileSystem: "overlay", Source: "overlay"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseTableRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"no separator":   "36 22 0:31 / /data rw shared:5 nfs4 server:/export rw",
		"too few fields": "36 22 0:31 / - nfs4 server:/export rw",
		"no source":      "36 22 0:31 / /data rw - nfs4",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseTable(strings.NewReader(line)); err == nil || !strings.Contains(err.Error(), line) {
				t.Errorf("got error %v, want one that quotes the line", err)
			}
		})
	}
}

func TestAt(t *testing.T) {
	parsed, err := ParseTable(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		point, fileSystem string
		found             bool
	}{
		{"/", "ext4", true},
		{"/data", "overlay", true}, // the later mount hides the earlier one
		{"/with space", "tmpfs", true},
		{"/data/below", "", false},
		{"/dat", "", false},
	}
	for _, test := range tests {
		t.Run(test.point, func(t *testing.T) {
			got, found := parsed.At(test.point)
			if found != test.found || got.FileSystem != test.fileSystem {
				t.Errorf("got %q, %v; want %q, %v", got.FileSystem, found, test.fileSystem, test.found)
			}
		})
	}
}

func TestReadTable(t *testing.T) {
	got, err := ReadTable(TablePath)
	if err != nil {
		t.Skipf("no mount table here: %v", err)
	}
	if _, found := got.At("/"); !found {
		t.Errorf("nothing is mounted at / in %v", got)
	}
	if _, err := ReadTable(t.TempDir() + "/missing"); err == nil {
		t.Error("a missing table must be an error")
	}
}
