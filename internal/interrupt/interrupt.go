// Package interrupt keeps work whole that must not end half-way. When a user presses Ctrl-C, Terraform cancels the
// contexts of all operations and waits for them: what takes seconds is finished, so that the state tells what is there,
// and only waiting is cut short.
package interrupt

import "context"

type original struct{}

// Shield is ctx without its cancellation, but with its deadline. The caller ends it.
func Shield(ctx context.Context) (context.Context, context.CancelFunc) {
	shielded := context.WithValue(context.WithoutCancel(ctx), original{}, ctx)
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(shielded)
	}
	return context.WithDeadline(shielded, deadline)
}

// Lift is the context that a shielded one was made of: for waiting, which may be cut short. Any other context is
// answered with as it is.
func Lift(ctx context.Context) context.Context {
	if lifted, ok := ctx.Value(original{}).(context.Context); ok {
		return lifted
	}
	return ctx
}
