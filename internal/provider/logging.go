package provider

import (
	"context"
	"fmt"
	"io"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// logSubsystem is the name under which everything below the glue logs: @module=isolab.engine. A subsystem has none of
// the request's own fields, which would name the wrong request for whatever is logged after it.
const logSubsystem = "engine"

// bridge makes the logger of the domain packages. What they log goes to Terraform's log with the level that TF_LOG or
// TF_LOG_PROVIDER set, each of the secrets masked. The logger may outlive the request of ctx: it keeps the context's
// values and heeds neither its end nor its deadline.
func bridge(ctx context.Context, secrets []string) hclog.Logger {
	ctx = tflog.NewSubsystem(context.WithoutCancel(ctx), logSubsystem)
	ctx = tflog.SubsystemMaskLogStrings(ctx, logSubsystem, secrets...)
	// Terraform filters by level itself, and takes what is written to standard error during a request for an accident:
	// so the logger passes everything on to its sink and writes nothing.
	logger := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: hclog.Trace, Output: io.Discard})
	logger.RegisterSink(terraformSink{ctx})
	return logger
}

// terraformSink passes log lines on to Terraform.
type terraformSink struct{ ctx context.Context }

var _ hclog.SinkAdapter = terraformSink{}

// Accept implements [hclog.SinkAdapter]. Masks work on texts alone, so every value is passed on as text.
func (s terraformSink) Accept(name string, level hclog.Level, message string, arguments ...any) {
	fields := map[string]any{}
	if name != "" {
		fields["component"] = name
	}
	for i := 0; i < len(arguments); i += 2 {
		if i+1 == len(arguments) {
			fields[hclog.MissingKey] = text(arguments[i])
			break
		}
		fields[fmt.Sprint(arguments[i])] = text(arguments[i+1])
	}
	switch level {
	case hclog.Error:
		tflog.SubsystemError(s.ctx, logSubsystem, message, fields)
	case hclog.Warn:
		tflog.SubsystemWarn(s.ctx, logSubsystem, message, fields)
	case hclog.Info:
		tflog.SubsystemInfo(s.ctx, logSubsystem, message, fields)
	case hclog.Debug:
		tflog.SubsystemDebug(s.ctx, logSubsystem, message, fields)
	default:
		tflog.SubsystemTrace(s.ctx, logSubsystem, message, fields)
	}
}

// text writes a field's value, the formatted ones of [hclog.Fmt] included.
func text(value any) string {
	if format, ok := value.(hclog.Format); ok && len(format) > 0 {
		if layout, ok := format[0].(string); ok {
			return fmt.Sprintf(layout, format[1:]...)
		}
	}
	return fmt.Sprint(value)
}
