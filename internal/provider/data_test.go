package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

func TestWarnUnenforced(t *testing.T) {
	able := engine.Info{Name: "host", MemoryLimit: true, SwapLimit: true, CPULimit: true, PidsLimit: true}
	for name, test := range map[string]struct {
		lose func(*engine.Info)
		want string // in the warning; "" for none
	}{
		"everything enforced": {func(*engine.Info) {}, ""},
		"no memory limit":     {func(i *engine.Info) { i.MemoryLimit = false }, "limits.memory"},
		"no swap accounting":  {func(i *engine.Info) { i.SwapLimit = false }, "swapaccount=1"},
		"no CPU quota":        {func(i *engine.Info) { i.CPULimit = false }, "limits.cpus"},
		"no pids controller":  {func(i *engine.Info) { i.PidsLimit = false }, "limits.pids"},
	} {
		t.Run(name, func(t *testing.T) {
			info := able
			test.lose(&info)
			data := &Data{info: func() (engine.Info, error) { return info, nil }}
			var diags diag.Diagnostics
			data.warnUnenforced(&diags)
			data.warnUnenforced(&diags)
			switch {
			case test.want == "" && len(diags) > 0:
				t.Errorf("warned of %v", diags)
			case test.want != "" && (len(diags) != 1 || !strings.Contains(diags[0].Detail(), test.want)):
				t.Errorf("got %v, want one warning about %s", diags, test.want)
			}
		})
	}
}
