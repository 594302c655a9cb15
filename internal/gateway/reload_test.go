package gateway

import (
	"errors"
	"strings"
	"testing"
)

const (
	begins = `2026/11/23 21:48:41 [warn] 8#8: the "user" directive makes sense only if the master process runs with super-user privileges, ignored in /volume/generations/new/main.conf:1`
	oldLog = `2026/11/23 21:48:40 [notice] 8#8: start worker process 10
2026/11/23 21:48:40 [notice] 8#8: start worker process 11
2026/11/23 21:48:40 [notice] 4#4: gracefully shutting down
2026/11/23 21:48:40 [notice] 5#5: gracefully shutting down
2026/11/23 21:48:40 [emerg] 8#8: an earlier failure
2026/11/23 21:48:41 [notice] 8#8: signal 1 (SIGHUP) received from 1, reconfiguring
`
	newWorkers = `
2026/11/23 21:48:41 [notice] 8#8: start worker process 13
2026/11/23 21:48:41 [notice] 8#8: start worker process 14`
	oldRetire = `
2026/11/23 21:48:41 [notice] 10#10: gracefully shutting down
2026/11/23 21:48:41 [notice] 11#11: gracefully shutting down`
	oneCrashed = `
2026/11/23 21:48:41 [notice] 10#10: gracefully shutting down
2026/11/23 21:48:41 [notice] 8#8: worker process 11 exited on signal 9`
	oldGone = `
2026/11/23 21:48:42 [notice] 8#8: worker process 11 exited with code 0
2026/11/23 21:48:43 [notice] 8#8: worker process 10 exited with code 0`
	newRetire = `
2026/11/23 21:48:41 [notice] 13#13: gracefully shutting down
2026/11/23 21:48:41 [notice] 14#14: gracefully shutting down`
)

func TestTakeover(t *testing.T) {
	cases := map[string]struct {
		log     string
		retired int
		done    bool
	}{
		"complete":                        {oldLog + begins + newWorkers + oldRetire, 2, true},
		"first start":                     {begins + newWorkers, 0, true},
		"an old worker crashed":           {oldLog + begins + newWorkers + oneCrashed, 2, true},
		"history alone":                   {oldLog, 2, false},
		"another generation's takeover":   {oldLog + strings.ReplaceAll(begins, "/new/", "/newer/") + newWorkers + oldRetire, 2, false},
		"old workers still accept":        {oldLog + begins + newWorkers, 2, false},
		"one new worker only":             {oldLog + begins + strings.Split(newWorkers, "\n")[1] + oldRetire, 2, false},
		"it is the new ones that retired": {oldLog + begins + newWorkers + newRetire, 2, false},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			watched := takeover{gateway: "edge", generation: "new", retired: test.retired}
			err := watched.follow(strings.NewReader(test.log))
			if test.done && err != nil || !test.done && !errors.Is(err, errUnfinished) {
				t.Errorf("done %v expected, got %v", test.done, err)
			}
		})
	}
}

// TestDrained waits for the last of the workers before.
func TestDrained(t *testing.T) {
	log := oldLog + begins + newWorkers + oldRetire
	for name, test := range map[string]struct {
		log  string
		done bool
	}{
		"both are gone":             {log + oldGone, true},
		"one answers still":         {log + oldGone[:strings.LastIndex(oldGone, "\n")], false},
		"none is gone":              {log, false},
		"gone, and then the others": {log + oldGone + newRetire, true},
	} {
		t.Run(name, func(t *testing.T) {
			watched := takeover{gateway: "edge", generation: "new", retired: 2, drained: true}
			if err := watched.follow(strings.NewReader(test.log)); test.done != (err == nil) {
				t.Errorf("done %v expected, got %v", test.done, err)
			}
		})
	}
}

func TestTakeoverRefused(t *testing.T) {
	watched := takeover{gateway: "edge", generation: "new", retired: 2}
	err := watched.follow(strings.NewReader(oldLog + begins +
		"\n2026/11/23 21:48:42 [emerg] 8#8: host not found in upstream \"x\" in /volume/generations/new/http/shop.web.conf:2"))
	var refused *RouteError
	if !errors.As(err, &refused) || refused.Namespace != "shop" || refused.Name != "web" || !strings.Contains(err.Error(), "host not found") {
		t.Errorf("got %v", err)
	}
}

func TestBlame(t *testing.T) {
	output := "nginx: [emerg] invalid port in upstream in /volume/generations/3f-x/locations/a-b.c-d.conf:7\nnginx: configuration file /volume/x test failed"
	var refused *RouteError
	if err := blame("edge", output); !errors.As(err, &refused) || refused.Namespace != "a-b" || refused.Name != "c-d" || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
	if err := blame("edge", "nginx: [emerg] no space left in /volume/generations/3f-x/shared.conf:1"); errors.As(err, &refused) || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("blamed a route for what is nobody's: %v", err)
	}
}
