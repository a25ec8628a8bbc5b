package webhook

import "time"

// Store keeps subscriptions and deliveries over restarts. One goroutine at a time calls it.
// What a method wrote is durable when it returns. [Subscription] and [Delivery] are made for
// encoding/json.
type Store interface {
	// Load returns everything, in any order.
	Load() ([]Subscription, []Delivery, error)
	// SaveSubscription adds or replaces by ID. It gets the secrets.
	SaveSubscription(Subscription) error
	// DeleteSubscription removes by ID. The subscription's deliveries are removed later by
	// SaveDeliveries; should the process end before, by the next run.
	DeleteSubscription(id string) error
	// SaveDeliveries adds or replaces save by ID and removes the ids of remove, which it
	// need not have: at most 500 together, best in one transaction. If it fails, any part
	// may have been written; all of it comes again.
	SaveDeliveries(save []Delivery, remove []string) error
}

const (
	storeBatch = 500
	// A delivery that is taken at once never reaches the store: it waits so long first. It
	// is also what a crash can cost.
	storeDelay = 50 * time.Millisecond
	storeRetry = time.Second
)

// save marks a delivery as changed since it was stored.
func (m *Manager) save(j *job) {
	if m.cfg.Store == nil {
		return
	}
	m.dirty[j.ID] = j
	signal(m.changed)
}

// forget marks a delivery as over.
func (m *Manager) forget(j *job) {
	if m.cfg.Store == nil {
		return
	}
	if !j.saved {
		delete(m.dirty, j.ID)
		return
	}
	m.dirty[j.ID] = nil
	signal(m.changed)
}

// saveSubscription marks a subscription as changed by the manager itself.
func (m *Manager) saveSubscription(id string) {
	if m.cfg.Store == nil {
		return
	}
	m.dirtySubs[id] = struct{}{}
	signal(m.changed)
}

// persist writes what is dirty until the manager stops.
func (m *Manager) persist() {
	wait := func(d time.Duration) bool {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return true
		case <-m.stop:
			return false
		}
	}
	for failed := false; ; {
		select {
		case <-m.changed:
		case <-m.stop:
			return
		}
		if !wait(storeDelay) {
			return
		}
		err := m.flush()
		if err != nil && !failed {
			m.cfg.Logger.Error("webhook deliveries cannot be stored", "error", err)
		}
		failed = err != nil
		if failed {
			if !wait(storeRetry) {
				return
			}
			signal(m.changed)
		}
	}
}

// flush writes everything that is dirty; what the store does not take stays dirty.
func (m *Manager) flush() error {
	if m.cfg.Store == nil {
		return nil
	}
	m.storeMu.Lock()
	defer m.storeMu.Unlock()
	if err := m.flushSubscriptions(); err != nil {
		return err
	}
	for {
		batch := m.take()
		if len(batch.save)+len(batch.remove) == 0 {
			return nil
		}
		if err := m.cfg.Store.SaveDeliveries(batch.save, batch.remove); err != nil {
			m.putBack(batch)
			return err
		}
	}
}

func (m *Manager) flushSubscriptions() error {
	m.mu.Lock()
	var all []Subscription
	for id := range m.dirtySubs {
		if s := m.subs[id]; s != nil {
			all = append(all, s.clone())
		}
	}
	clear(m.dirtySubs)
	m.mu.Unlock()
	for i, s := range all {
		if err := m.cfg.Store.SaveSubscription(s); err != nil {
			m.mu.Lock()
			defer m.mu.Unlock()
			for _, s := range all[i:] {
				m.dirtySubs[s.ID] = struct{}{}
			}
			m.counters.StoreErrors++
			return err
		}
	}
	return nil
}

// batch is what one call of the store gets.
type batch struct {
	save   []Delivery
	remove []string
	jobs   []*job // of save
}

func (m *Manager) take() (b batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, j := range m.dirty {
		if len(b.save)+len(b.remove) == storeBatch {
			break
		}
		delete(m.dirty, id)
		if j == nil {
			b.remove = append(b.remove, id)
			continue
		}
		j.saved = true
		b.save = append(b.save, j.Delivery)
		b.jobs = append(b.jobs, j)
	}
	return b
}

// putBack makes dirty again what has not become so by itself.
func (m *Manager) putBack(b batch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.counters.StoreErrors++
	for _, j := range b.jobs {
		if _, newer := m.dirty[j.ID]; !newer {
			m.dirty[j.ID] = j
		}
	}
	for _, id := range b.remove {
		m.dirty[id] = nil
	}
}
