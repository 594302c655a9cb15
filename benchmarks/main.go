// Command benchmarks measures the provider against a bare client that makes the same engine calls at the same
// concurrency, in one run on one machine, and writes docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	sizes := flag.String("projects", "10,30,60", "numbers of projects to measure, each with three environments")
	output := flag.String("output", "docs/benchmarks.md", "file to write the report to; \"\" for none")
	socket := flag.String("socket", "/var/run/docker.sock", "the engine's unix socket")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *sizes, *output, *socket); err != nil {
		fmt.Fprintf(os.Stderr, "==> %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, sizes, output, socket string) (err error) {
	var numbers []int
	for text := range strings.SplitSeq(sizes, ",") {
		number, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || number < 1 || number > 500 {
			return fmt.Errorf("-projects: %q is not a number from 1 to 500", text)
		}
		numbers = append(numbers, number)
	}
	folder, err := os.MkdirTemp("", "isolab-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	proxy, err := record(filepath.Join(folder, "engine.sock"), socket)
	if err != nil {
		return err
	}
	defer proxy.Close()
	bare := newClient(socket)
	built, err := build(ctx, folder)
	if err != nil {
		return err
	}
	report := report{Machine: describe(ctx, bare), BinaryBytes: built.size}
	// Whatever happens, nothing of ours stays on the engine.
	defer func() { err = errors.Join(err, sweep(context.WithoutCancel(ctx), bare)) }()
	for _, number := range numbers {
		one, err := measure(ctx, built, proxy, bare, number)
		if err != nil {
			return fmt.Errorf("%d projects: %w", number, err)
		}
		report.Sizes = append(report.Sizes, one)
	}
	text := report.markdown()
	if _, err := os.Stdout.WriteString(text); err != nil {
		return err
	}
	if output == "" {
		return nil
	}
	return os.WriteFile(output, []byte(text), 0o644) //nolint:gosec // documentation is for everybody to read
}

// measure drives the provider through its life at one size, and then makes the calls that it made with a bare client.
func measure(ctx context.Context, built program, proxy *recorder, bare *client, projects int) (size, error) {
	one := size{Projects: projects, Resources: projects * (1 + len(kinds))}
	if err := sweep(ctx, bare); err != nil {
		return one, err
	}
	place, err := built.workspace(proxy.host(), projects)
	if err != nil {
		return one, err
	}
	say := func(format string, values ...any) {
		fmt.Fprintf(os.Stderr, "==> %d projects: %s\n", projects, fmt.Sprintf(format, values...))
	}
	say("terraform apply")
	proxy.reset()
	if one.Apply, err = place.run(ctx, "apply", "-auto-approve"); err != nil {
		return one, err
	}
	made := proxy.calls()
	one.ApplyCalls = len(made)

	say("terraform plan, which must find nothing to do")
	proxy.reset()
	if one.Plan, err = place.run(ctx, "plan", "-detailed-exitcode"); err != nil {
		return one, err
	}
	read := proxy.calls()
	one.PlanCalls, one.PlanEngine = len(read), busy(read)

	say("terraform destroy")
	proxy.reset()
	if one.Destroy, err = place.run(ctx, "destroy", "-auto-approve"); err != nil {
		return one, err
	}
	removed := proxy.calls()
	one.DestroyCalls = len(removed)

	say("terraform plan of %d terraform_data", one.Resources)
	if one.Reference, err = built.reference(ctx, one.Resources); err != nil {
		return one, err
	}

	say("the bare client")
	plan := newReplay(made, removed)
	one.BareCalls = plan.count()
	if one.BareApply, err = plan.create(ctx, bare); err != nil {
		return one, err
	}
	if one.BareDestroy, err = plan.remove(ctx, bare); err != nil {
		return one, err
	}
	return one, nil
}
