package local

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Run is the function that runs a command every time it is called, in previews too.
type Run struct{}

// RunInputs are the arguments of the function.
type RunInputs struct {
	Command string `pulumi:"command"`
	Execution
}

// RunResult repeats the arguments, as the official function does, with the output.
type RunResult struct {
	RunInputs
	Output
}

// Annotate describes the function in the plugin's schema.
func (r *Run) Annotate(a infer.Annotator) { a.Describe(&r, "Runs a command on this machine, always.") }

// Annotate describes the fields in the plugin's schema.
func (i *RunInputs) Annotate(a infer.Annotator) { a.Describe(&i.Command, "The command to run.") }

// Invoke runs the command.
func (*Run) Invoke(
	ctx context.Context, req infer.FunctionRequest[RunInputs],
) (infer.FunctionResponse[RunResult], error) {
	result := RunResult{RunInputs: req.Input}
	if property, reason := req.Input.refused(); property != "" {
		return infer.FunctionResponse[RunResult]{Output: result}, errors.New(reason)
	}
	var err error
	result.Output, err = run(ctx, req.Input.Command, req.Input.Execution, Output{})
	return infer.FunctionResponse[RunResult]{Output: result}, err
}
