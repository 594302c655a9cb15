package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// creator identifies the Terraform workspace that this process works for, as far as a provider can know it: by host,
// working directory and the workspace's name. It is a digest, since records are for everybody to read. "" when the
// process cannot tell where it is.
func creator() string {
	host, unnamed := os.Hostname()
	folder, lost := os.Getwd()
	if unnamed != nil || lost != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s", host, folder, workspaceName()))
	return hex.EncodeToString(sum[:8])
}

// workspaceName is what terraform workspace show says: it is kept in the environment or, by terraform workspace select,
// in a file of Terraform's data folder.
func workspaceName() string {
	if name := os.Getenv("TF_WORKSPACE"); name != "" {
		return name
	}
	folder := os.Getenv("TF_DATA_DIR")
	if folder == "" {
		folder = ".terraform"
	}
	if name, err := os.ReadFile(filepath.Join(folder, "environment")); err == nil {
		return strings.TrimSpace(string(name))
	}
	return "default"
}
