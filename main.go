// The isolab provider for Terraform.
package main

import (
	"context"
	"flag"
	"log"

	"github.com/isolab/terraform-provider-isolab/internal/provider"
)

// version is set when a release is built.
var version = "dev"

func main() {
	debug := flag.Bool("debug", false, "wait for a debugger and print how Terraform attaches to this process")
	flag.Parse()
	if err := provider.Serve(context.Background(), version, *debug); err != nil {
		log.Fatal(err)
	}
}
