package monitor

import (
	"slices"
	"strings"
	"testing"
)

func TestParseTargets(t *testing.T) {
	tests := []struct {
		text string
		want []Target
	}{
		{"", nil},
		{" , ", nil},
		{"/data", []Target{{Point: "/data"}}},
		{"/data/", []Target{{Point: "/data"}}},
		{"/", []Target{{Point: "/"}}},
		{"/=etc/hostname", []Target{{Point: "/", Canary: "/etc/hostname"}}},
		{"/data=.canary, /backup", []Target{{Point: "/data", Canary: "/data/.canary"}, {Point: "/backup"}}},
		{"/data=sub/a=b", []Target{{Point: "/data", Canary: "/data/sub/a=b"}}},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := ParseTargets(test.text)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func TestParseTargetsRefuses(t *testing.T) {
	for text, quoted := range map[string]string{
		"data":             `"data"`,
		"/data,relative":   `"relative"`,
		"/data=":           `""`,
		"/data=../escapes": `"../escapes"`,
		"/data=/absolute":  `"/absolute"`,
	} {
		t.Run(text, func(t *testing.T) {
			if got, err := ParseTargets(text); err == nil || !strings.Contains(err.Error(), quoted) {
				t.Errorf("got %v, %v; want an error that quotes %s", got, err, quoted)
			}
		})
	}
}
