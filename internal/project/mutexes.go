package project

import "sync"

// mutexes holds one lock for each project: what belongs to one project alone, and several of its environments may ask
// for side by side, is made once.
type mutexes struct {
	lock sync.Mutex
	made map[string]*sync.Mutex
}

func (m *mutexes) of(namespace string) *sync.Mutex {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.made == nil {
		m.made = map[string]*sync.Mutex{}
	}
	if m.made[namespace] == nil {
		m.made[namespace] = &sync.Mutex{}
	}
	return m.made[namespace]
}
