package quota

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

var (
	dev   = Demand{"shop/dev", 1, 2, 2 << 30, 512}
	other = Demand{"shop/test", 2, 0.2, 1 << 30, 256}
)

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		quota Quota
		want  []Resource
	}{
		"none":              {Quota{}, nil},
		"just enough":       {Quota{2.2, 3 << 30, 768, 2}, nil},
		"cpus":              {Quota{CPUs: 2.199}, []Resource{CPUs}},
		"memory":            {Quota{Memory: 3<<30 - 1}, []Resource{Memory}},
		"pids":              {Quota{Pids: 767}, []Resource{Pids}},
		"environments":      {Quota{Environments: 1}, []Resource{Environments}},
		"several":           {Quota{CPUs: 1, Pids: 1, Memory: 4 << 30}, []Resource{CPUs, Pids}},
		"one that is bound": {Quota{Memory: 4 << 30}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.quota.Check("shop", All(), []Demand{dev, other})
			var exceeded *ExceededError
			if errors.As(err, &exceeded) != (test.want != nil) || exceeded != nil && !slices.Equal(exceeded.Exceeded, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestSumsAreExact(t *testing.T) {
	demands := make([]Demand, 10)
	for i := range demands {
		demands[i] = Demand{Environment: "e", Containers: 1, CPUs: 0.1}
	}
	if err := (Quota{CPUs: 1}).Check("shop", All(), demands); err != nil {
		t.Errorf("ten times 0.1 CPUs are more than one: %v", err)
	}
}

func TestGrown(t *testing.T) {
	more := dev
	more.Memory++
	for name, one := range map[string]struct {
		has, asks Demand
		want      []Resource
	}{
		"new":       {Demand{}, dev, All()},
		"the same":  {dev, dev, nil},
		"less":      {dev, Demand{"shop/dev", 1, 1, 1, 1}, nil},
		"memory":    {dev, more, []Resource{Memory}},
		"gone":      {dev, Demand{}, nil},
		"exchanged": {dev, other, nil},
	} {
		if got := Grown(one.has, one.asks); !slices.Equal(got, one.want) {
			t.Errorf("%s: %v, want %v", name, got, one.want)
		}
	}
}

func TestWhoAsksForNoMoreIsNotRefused(t *testing.T) {
	if err := (Quota{CPUs: 1, Memory: 1}).Check("shop", []Resource{Pids}, []Demand{dev, other}); err != nil {
		t.Error(err)
	}
}

func TestError(t *testing.T) {
	err := (Quota{CPUs: 2, Memory: 2 << 30}).Check("shop", All(), []Demand{other, dev})
	want := `project shop would exceed its quota: 2.2 CPUs instead of 2 CPUs at most, 3GiB of memory instead of 2GiB of memory at most. Ask for less (limits, replicas, an environment that is not needed), or raise the quota of the project.

  environment  containers  cpus  memory  pids
  shop/dev     1           2     2GiB    512
  shop/test    2           0.2   1GiB    256
  together     3           2.2   3GiB    768`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if !strings.Contains((Quota{Environments: 1}).Check("shop", All(), []Demand{other, dev}).Error(), "2 environments instead of 1 environments") {
		t.Error("environments are not named")
	}
}
