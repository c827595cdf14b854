package local

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blang/semver"
	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

const urn = resource.URN("urn:pulumi:stack::project::command:local:Command::name")

func server(t *testing.T) integration.Server {
	t.Helper()
	s, err := integration.NewServer(
		t.Context(), "command", semver.MustParse("1.2.1"), integration.WithProvider(Provider()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inputs makes a property map of strings, lists of strings and booleans.
func inputs(values map[string]any) property.Map {
	m := map[string]property.Value{}
	for key, value := range values {
		switch value := value.(type) {
		case string:
			m[key] = property.New(value)
		case bool:
			m[key] = property.New(value)
		case []string:
			list := make([]property.Value, len(value))
			for i, item := range value {
				list[i] = property.New(item)
			}
			m[key] = property.New(list)
		case map[string]string:
			object := map[string]property.Value{}
			for k, v := range value {
				object[k] = property.New(v)
			}
			m[key] = property.New(object)
		default:
			panic("inputs: no such type")
		}
	}
	return property.NewMap(m)
}

func create(t *testing.T, values map[string]any) property.Map {
	t.Helper()
	response, err := server(t).Create(p.CreateRequest{Urn: urn, Properties: inputs(values)})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(response.ID, "name") || len(response.ID) != len("name")+8 {
		t.Errorf("id %q is not the name and eight hex digits", response.ID)
	}
	return response.Properties
}

func expect(t *testing.T, got property.Map, name, want string) {
	t.Helper()
	if value := got.Get(name); !value.IsString() || value.AsString() != want {
		t.Errorf("%s is %#v, want %q", name, value, want)
	}
}

func TestCreateRecordsBothStreamsWithoutTheLastNewline(t *testing.T) {
	got := create(t, map[string]any{"create": `printf 'a\n\n'; echo b >&2`})
	expect(t, got, "stdout", "a\n")
	expect(t, got, "stderr", "b")
	expect(t, got, "create", `printf 'a\n\n'; echo b >&2`)
}

func TestCreateWithoutCommandHasEmptyOutput(t *testing.T) {
	got := create(t, map[string]any{"delete": "true"})
	expect(t, got, "stdout", "")
	expect(t, got, "stderr", "")
}

func TestExecutionInputs(t *testing.T) {
	dir := t.TempDir()
	got := create(t, map[string]any{
		"create":      `pwd -P; echo "$GREETING"; cat`,
		"dir":         dir,
		"environment": map[string]string{"GREETING": "hello $HOME"},
		"stdin":       "from stdin",
		"logging":     "none",
	})
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, got, "stdout", real+"\nhello $HOME\nfrom stdin")
}

func TestInterpreterComesBeforeTheCommand(t *testing.T) {
	got := create(t, map[string]any{"create": "$HOME; x", "interpreter": []string{"printf", "%s|%s", "first"}})
	expect(t, got, "stdout", "first|$HOME; x")
}

func TestPreviewRunsNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ran")
	_, err := server(t).Create(p.CreateRequest{
		Urn: urn, Properties: inputs(map[string]any{"create": "touch " + file}), DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the preview ran the command (%v)", err)
	}
}

func TestFailureCarriesStatusCommandAndOutput(t *testing.T) {
	_, err := server(t).Create(p.CreateRequest{
		Urn: urn, Properties: inputs(map[string]any{"create": "echo out; echo why >&2; exit 3"})})
	if err == nil {
		t.Fatal("a command that failed was accepted")
	}
	for _, part := range []string{"exit status 3", `"echo out; echo why >&2; exit 3"`, "out\n", "why\n"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

func TestMissingDirectoryFails(t *testing.T) {
	_, err := server(t).Create(p.CreateRequest{
		Urn: urn, Properties: inputs(map[string]any{"create": "true", "dir": "/does/not/exist"})})
	if err == nil || !strings.Contains(err.Error(), "dir: stat /does/not/exist: no such file") {
		t.Errorf("error is %v", err)
	}
}

func TestUpdate(t *testing.T) {
	old := map[string]any{"create": "echo old", "stdout": "old", "stderr": "warned"}
	previous := `printf '%s/%s' "$PULUMI_COMMAND_STDOUT" "$PULUMI_COMMAND_STDERR"`
	for name, test := range map[string]struct {
		inputs map[string]any
		want   string
	}{
		"runs update":                     {map[string]any{"create": "echo c", "update": "echo u"}, "u"},
		"runs create without update":      {map[string]any{"create": "echo c"}, "c"},
		"keeps the output without either": {map[string]any{"delete": "true"}, "old"},
		"hands the previous output over":  {map[string]any{"update": previous}, "old/warned"},
		"unless that is switched off":     {map[string]any{"update": previous, "addPreviousOutputInEnv": false}, "/"},
	} {
		t.Run(name, func(t *testing.T) {
			response, err := server(t).Update(p.UpdateRequest{
				ID: "id", Urn: urn, State: inputs(old), Inputs: inputs(test.inputs)})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, response.Properties, "stdout", test.want)
		})
	}
}

func TestDelete(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deleted")
	err := server(t).Delete(p.DeleteRequest{ID: "id", Urn: urn, Properties: inputs(map[string]any{
		"delete": `printf %s "$PULUMI_COMMAND_STDOUT" >"$FILE"`, "environment": map[string]string{"FILE": file},
		"stdout": "made", "stderr": ""})})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "made" {
		t.Errorf("delete wrote %q (%v)", text, err)
	}
	err = server(t).Delete(p.DeleteRequest{ID: "id", Urn: urn, Properties: inputs(map[string]any{
		"create": "exit 1", "stdout": "", "stderr": ""})})
	if err != nil {
		t.Errorf("a resource without delete was not deleted: %v", err)
	}
}

func TestDiff(t *testing.T) {
	state := map[string]any{
		"create": "echo a", "triggers": []string{"1"}, "stdout": "a", "stderr": ""}
	for name, test := range map[string]struct {
		inputs map[string]any
		want   map[string]p.DiffKind
	}{
		"nothing changed": {map[string]any{"create": "echo a", "triggers": []string{"1"}}, map[string]p.DiffKind{}},
		"a command": {map[string]any{"create": "echo b", "triggers": []string{"1"}},
			map[string]p.DiffKind{"create": p.Update}},
		"no trigger any more": {map[string]any{"create": "echo a"}, map[string]p.DiffKind{"triggers": p.DeleteReplace}},
		// The SDK asks the engine to replace on "triggers[*]", as it does with the official plugin.
		"another trigger": {map[string]any{"create": "echo a", "triggers": []string{"2"}},
			map[string]p.DiffKind{"triggers[0]": p.Update}},
	} {
		t.Run(name, func(t *testing.T) {
			old := inputs(state)
			response, err := server(t).Diff(p.DiffRequest{
				ID: "id", Urn: urn, State: old, OldInputs: old.Delete("stdout").Delete("stderr"), Inputs: inputs(test.inputs)})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]p.DiffKind{}
			for property, diff := range response.DetailedDiff {
				got[property] = diff.Kind
			}
			if len(got) != len(test.want) {
				t.Fatalf("diff is %v, want %v", got, test.want)
			}
			for property, kind := range test.want {
				if got[property] != kind {
					t.Errorf("diff is %v, want %v", got, test.want)
				}
			}
			if response.HasChanges != (len(test.want) > 0) {
				t.Errorf("HasChanges is %v", response.HasChanges)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, property := range []string{"assetPaths", "archivePaths"} {
		t.Run(property, func(t *testing.T) {
			checked, err := server(t).Check(p.CheckRequest{
				Urn: urn, Inputs: inputs(map[string]any{"create": "true", property: []string{"*"}})})
			if err != nil {
				t.Fatal(err)
			}
			if len(checked.Failures) != 1 || checked.Failures[0].Property != property ||
				!strings.Contains(checked.Failures[0].Reason, "official plugin") {
				t.Errorf("failures are %v", checked.Failures)
			}
			_, err = server(t).Invoke(p.InvokeRequest{
				Token: "command:local:run", Args: inputs(map[string]any{"command": "true", property: []string{"*"}})})
			if err == nil || !strings.Contains(err.Error(), property) {
				t.Errorf("run answered %v", err)
			}
		})
	}
	t.Run("a wrong type", func(t *testing.T) {
		checked, err := server(t).Check(p.CheckRequest{
			Urn: urn, Inputs: inputs(map[string]any{"create": "true", "stdin": []string{"a"}})})
		if err == nil && len(checked.Failures) == 0 {
			t.Error("a list was accepted where a string belongs")
		}
	})
	t.Run("remote", func(t *testing.T) {
		_, err := server(t).Create(p.CreateRequest{
			Urn: "urn:pulumi:stack::project::command:remote:Command::name", Properties: inputs(nil)})
		if err == nil || !strings.Contains(err.Error(), "'remote:Command' not found") {
			t.Errorf("a remote command answered %v", err)
		}
	})
}

func TestRunRepeatsItsArguments(t *testing.T) {
	response, err := server(t).Invoke(p.InvokeRequest{
		Token: "command:local:run", Args: inputs(map[string]any{"command": "cat", "stdin": "in"})})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, response.Return, "stdout", "in")
	expect(t, response.Return, "stderr", "")
	expect(t, response.Return, "command", "cat")
	expect(t, response.Return, "stdin", "in")
}

func TestRunFailure(t *testing.T) {
	_, err := server(t).Invoke(p.InvokeRequest{
		Token: "command:local:run", Args: inputs(map[string]any{"command": "echo why >&2; false"})})
	if err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("error is %v", err)
	}
}

func TestCancelEndsTheWholeGroup(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "alive")
	ctx, cancel := context.WithCancel(t.Context())
	// The grandchild holds the write end of the pipe: reading it ends when both processes are gone.
	command := `mkfifo "$FIFO"; (sleep 600 & wait) >"$FIFO" & exec sleep 600`
	done := make(chan error, 1)
	go func() {
		_, err := run(ctx, command, Execution{Environment: &map[string]string{"FIFO": fifo}}, Output{})
		done <- err
	}()
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(fifo); err == nil {
			break
		} else if time.Since(start) > 10*time.Second {
			t.Fatal("the command did not start")
		}
	}
	pipe, err := os.Open(fifo) // waits for the writer
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	cancel()
	if err := <-done; err == nil || !strings.Contains(err.Error(), "stopped: context canceled") {
		t.Errorf("error is %v", err)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = pipe.Read(make([]byte, 1))
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("a child outlived the cancelled command")
	}
}

func TestLinesAreShownWhole(t *testing.T) {
	var lines []string
	log := &lineLog{show: func(line string) { lines = append(lines, line) }}
	for _, part := range []string{"a", "b\nc\n", "\nd"} {
		if n, err := log.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	log.flush()
	log.flush()
	if got := strings.Join(lines, "|"); got != "ab|c||d" {
		t.Errorf("lines are %q", got)
	}
}

func TestLoggingChoosesStreams(t *testing.T) {
	for value, want := range map[Logging][2]bool{
		LogStdout: {true, false}, LogStderr: {false, true}, LogBoth: {true, true}, LogNone: {false, false},
	} {
		if got := [2]bool{value.shows(LogStdout), value.shows(LogStderr)}; got != want {
			t.Errorf("%s shows %v, want %v", value, got, want)
		}
	}
	if none := (*Logging)(nil); !none.shows(LogStdout) || !none.shows(LogStderr) {
		t.Error("the default does not show both")
	}
}
