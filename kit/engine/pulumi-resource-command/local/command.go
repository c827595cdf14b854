package local

import (
	"context"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Command runs one command when the resource is created, one when its inputs change, one when it is deleted.
type Command struct{}

// CommandInputs are the arguments of the resource.
type CommandInputs struct {
	Create   *string `pulumi:"create,optional"`
	Update   *string `pulumi:"update,optional"`
	Delete   *string `pulumi:"delete,optional"`
	Triggers *[]any  `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Execution
}

// CommandState is what is recorded: the arguments and the output of the last run.
type CommandState struct {
	CommandInputs
	Output
}

// Annotate describes the resource in the plugin's schema.
func (c *Command) Annotate(a infer.Annotator) { a.Describe(&c, "A command run on this machine.") }

// Annotate describes the fields in the plugin's schema.
func (i *CommandInputs) Annotate(a infer.Annotator) {
	a.Describe(&i.Create, "Run when the resource is created, and when its inputs change if there is no update.")
	a.Describe(&i.Update, "Run when the inputs change.")
	a.Describe(&i.Delete, "Run when the resource is deleted.")
	a.Describe(&i.Triggers, "Values of any type; a change of one of them replaces the resource.")
}

// Check refuses what the stand-in does not do before anything runs.
func (*Command) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[CommandInputs], error) {
	inputs, failures, err := infer.DefaultCheck[CommandInputs](ctx, req.NewInputs)
	if property, reason := inputs.refused(); property != "" {
		failures = append(failures, p.CheckFailure{Property: property, Reason: reason})
	}
	return infer.CheckResponse[CommandInputs]{Inputs: inputs, Failures: failures}, err
}

// Create runs create, if there is one.
func (*Command) Create(
	ctx context.Context, req infer.CreateRequest[CommandInputs],
) (infer.CreateResponse[CommandState], error) {
	response := infer.CreateResponse[CommandState]{Output: CommandState{CommandInputs: req.Inputs}}
	var err error
	if response.ID, err = resource.NewUniqueHex(req.Name, 8, 0); err != nil || req.DryRun {
		return response, err
	}
	response.Output.Output, err = runIfAny(ctx, req.Inputs.Create, req.Inputs.Execution, Output{})
	return response, err
}

// Update runs update, or create in its place; without either the old output stays.
func (*Command) Update(
	ctx context.Context, req infer.UpdateRequest[CommandInputs, CommandState],
) (infer.UpdateResponse[CommandState], error) {
	state := CommandState{CommandInputs: req.Inputs, Output: req.State.Output}
	if req.DryRun {
		return infer.UpdateResponse[CommandState]{Output: state}, nil
	}
	command := req.Inputs.Update
	if command == nil {
		command = req.Inputs.Create
	}
	var err error
	state.Output, err = runIfAny(ctx, command, req.Inputs.Execution, req.State.Output)
	return infer.UpdateResponse[CommandState]{Output: state}, err
}

// Delete runs delete, if there is one.
func (*Command) Delete(ctx context.Context, req infer.DeleteRequest[CommandState]) (infer.DeleteResponse, error) {
	_, err := runIfAny(ctx, req.State.Delete, req.State.Execution, req.State.Output)
	return infer.DeleteResponse{}, err
}

func runIfAny(ctx context.Context, command *string, how Execution, previous Output) (Output, error) {
	if command == nil {
		return previous, nil
	}
	return run(ctx, *command, how, previous)
}
