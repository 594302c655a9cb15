package database_test

import (
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/database"
	"github.com/isolab/terraform-provider-isolab/internal/environment"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/secret"
)

var key = secret.Key(strings.Repeat("k", secret.KeySize))

func TestPresets(t *testing.T) {
	for _, name := range database.Presets() {
		t.Run(name, func(t *testing.T) {
			preset, ok := database.Get(name)
			if !ok {
				t.Fatal("is not there")
			}
			spec := environment.Spec{Namespace: "shop", Name: "main", SecretsVersion: 3}
			preset.Complete(&spec, preset.Version)
			if spec.Kind != lifecycle.KindDatabase || spec.Volumes["main-data"].Path != preset.Data || !spec.ReadOnly || spec.Version != preset.Version {
				t.Errorf("completed to %+v", spec)
			}
			made := preset.Credentials(key, spec)
			if made.Host != "main.shop.isolab" || made.Version != 3 || !strings.Contains(made.URL, made.Password) || strings.ContainsAny(made.URL, "{}") {
				t.Errorf("credentials %+v", made)
			}
			for name, value := range preset.Secrets(key, spec) {
				if value == "" || strings.Contains(value, made.Password) {
					t.Errorf("%s is %q", name, value)
				}
			}
			spec.SecretsVersion++
			if rotated := preset.Credentials(key, spec); rotated.Password == made.Password {
				t.Error("a new version has the same password")
			}
		})
	}
	if _, ok := database.Get("oracle"); ok {
		t.Error("there is a preset oracle")
	}
}
