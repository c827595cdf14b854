package local

import (
	"fmt"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Execution says how a command is run. A resource and a function share it.
type Execution struct {
	Environment            *map[string]string `pulumi:"environment,optional"`
	Dir                    *string            `pulumi:"dir,optional"`
	Interpreter            *[]string          `pulumi:"interpreter,optional"`
	Stdin                  *string            `pulumi:"stdin,optional"`
	Logging                *Logging           `pulumi:"logging,optional"`
	AddPreviousOutputInEnv *bool              `pulumi:"addPreviousOutputInEnv,optional"`

	// In the schema so that they can be refused by name instead of being lost.
	AssetPaths   *[]string `pulumi:"assetPaths,optional"`
	ArchivePaths *[]string `pulumi:"archivePaths,optional"`
}

// Output is what a command left behind, each without its last newline.
type Output struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// Annotate describes the fields in the plugin's schema.
func (e *Execution) Annotate(a infer.Annotator) {
	a.Describe(&e.Environment, "Variables added to the plugin's own environment.")
	a.Describe(&e.Dir, "The directory to run in; it must exist. Default: the plugin's own.")
	a.Describe(&e.Interpreter, "Program and arguments that come before the command. Default: /bin/sh -c.")
	a.Describe(&e.Stdin, "What the command reads on standard input.")
	a.Describe(&e.Logging, "Which streams are shown as the command runs. Default: both.")
	a.Describe(&e.AddPreviousOutputInEnv,
		"Hand the previous run's output over as PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR. Default: true.")
	a.Describe(&e.AssetPaths, "Refused by this stand-in.")
	a.Describe(&e.ArchivePaths, "Refused by this stand-in.")
}

// refused names the first input this stand-in does not carry out, and "" when there is none.
func (e Execution) refused() (property, reason string) {
	const text = "%s is not implemented by the kit's stand-in for the command provider;" +
		" leave it out, or install the official plugin: pulumi plugin install resource command 1.2.1"
	switch {
	case e.AssetPaths != nil:
		return "assetPaths", fmt.Sprintf(text, "assetPaths")
	case e.ArchivePaths != nil:
		return "archivePaths", fmt.Sprintf(text, "archivePaths")
	}
	return "", ""
}

// Logging chooses the streams that are shown; all of them are captured as outputs whatever it says.
type Logging string

// The values of the official schema.
const (
	LogStdout Logging = "stdout"
	LogStderr Logging = "stderr"
	LogBoth   Logging = "stdoutAndStderr"
	LogNone   Logging = "none"
)

// Values lists the enumeration for the schema.
func (Logging) Values() []infer.EnumValue[Logging] {
	return []infer.EnumValue[Logging]{
		{Name: "stdout", Value: LogStdout, Description: "Show standard output only"},
		{Name: "stderr", Value: LogStderr, Description: "Show standard error only"},
		{Name: "stdoutAndStderr", Value: LogBoth, Description: "Show both"},
		{Name: "none", Value: LogNone, Description: "Show nothing"},
	}
}

// shows says whether stream, LogStdout or LogStderr, is shown; nil is the default.
func (l *Logging) shows(stream Logging) bool {
	return l == nil || *l == LogBoth || *l == stream
}
