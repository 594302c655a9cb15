// The isolab provider for Terraform.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"runtime/debug"

	"github.com/isolab/terraform-provider-isolab/internal/provider"
)

// version is set when a release is built.
var version = "dev"

func main() {
	settle()
	attach := flag.Bool("debug", false, "wait for a debugger and print how Terraform attaches to this process")
	flag.Parse()
	if err := provider.Serve(context.Background(), version, *attach); err != nil {
		log.Fatal(err)
	}
}

// settle fits the process to its short life. Terraform reads all of a provider's trace from its standard error and, unless
// TF_LOG asks for it, throws it away; writing it took a third of a plan's time. Collecting garbage less often takes a few
// megabytes more and a third of the rest.
func settle() {
	debug.SetGCPercent(400)
	if os.Getenv("TF_LOG") != "" || os.Getenv("TF_LOG_PROVIDER") != "" {
		return
	}
	for _, logger := range []string{"TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_PROTO"} {
		if os.Getenv(logger) == "" {
			_ = os.Setenv(logger, "OFF") // fails for malformed names only
		}
	}
}
