package tui

import (
	"context"
	"errors"
	"fmt"
	"io"

	tea "charm.land/bubbletea/v2"
)

// framesPerSecond is how often changes reach the terminal: an event is on the
// screen within 17 ms. Half of it would be seen as well and cost half; with
// fifteen seconds for a decision the quicker frame is worth one per cent of a core.
const framesPerSecond = 60

// Run shows the screen until the operator quits or ctx ends; both are nil.
// The terminal is as it was before when Run returns, also after a panic. Signals
// are the caller's: whoever wants them to end the screen cancels ctx.
func Run(ctx context.Context, o Options, in io.Reader, out io.Writer, extra ...tea.ProgramOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return finished(ctx, newProgram(ctx, New(o), in, out, extra...))
}

// finished runs a program to its end. That somebody ended it is no error.
func finished(ctx context.Context, p *tea.Program) error {
	_, err := p.Run()
	switch {
	case err == nil, errors.Is(err, tea.ErrProgramKilled) && ctx.Err() != nil && !errors.Is(err, tea.ErrProgramPanic):
		return nil
	default:
		return fmt.Errorf("screen: %w", err)
	}
}

func newProgram(ctx context.Context, m *Model, in io.Reader, out io.Writer, extra ...tea.ProgramOption) *tea.Program {
	m.ctx = ctx
	return tea.NewProgram(m, programOptions(ctx, in, out, extra)...)
}

func programOptions(ctx context.Context, in io.Reader, out io.Writer, extra []tea.ProgramOption) []tea.ProgramOption {
	return append([]tea.ProgramOption{
		tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler(),
	}, extra...)
}
