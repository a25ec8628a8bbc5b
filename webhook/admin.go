package webhook

import (
	"cmp"
	"crypto/rand"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Create adds a subscription with the URL, Kinds, Rooms, Secret, Disabled and Description of
// s; without a Secret it gets a fresh one. The result has ID and Secret, which later answers
// leave out. Errors are of code Invalid, Full, Closed or Internal.
func (m *Manager) Create(s Subscription) (Subscription, error) {
	if s.Secret == "" {
		s.Secret = NewSecret()
	}
	if err := s.check(m.policy); err != nil {
		return Subscription{}, err
	}
	now := time.Now().UTC().Round(0)
	made := Subscription{
		ID: "wh_" + strings.ToLower(rand.Text()), URL: s.URL, Kinds: slices.Clone(s.Kinds), Rooms: slices.Clone(s.Rooms),
		Secret: s.Secret, Disabled: s.Disabled, Description: s.Description, Created: now, Updated: now, Version: 1,
	}
	m.storeMu.Lock()
	defer m.storeMu.Unlock()
	if err := m.roomForOne(); err != nil {
		return Subscription{}, err
	}
	if err := m.store(made); err != nil {
		return Subscription{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.subs[made.ID] = m.newSubscriber(made)
	return made.clone(), nil
}

func (m *Manager) roomForOne() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closing {
		return errorf(Closed, "the server is about to end")
	}
	if len(m.subs) >= m.cfg.MaxSubscriptions {
		return errorf(Full, "there are %d subscriptions, as many as are allowed; delete one first", len(m.subs))
	}
	return nil
}

// store writes a subscription; storeMu is held.
func (m *Manager) store(s Subscription) error {
	if m.cfg.Store == nil {
		return nil
	}
	if err := m.cfg.Store.SaveSubscription(s); err != nil {
		m.mu.Lock()
		m.counters.StoreErrors++
		m.mu.Unlock()
		return storeFailed(err)
	}
	return nil
}

// List returns all subscriptions without their secrets, the oldest first.
func (m *Manager) List() []Subscription {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Subscription, 0, len(m.subs))
	for _, s := range m.subs {
		all = append(all, s.public())
	}
	slices.SortFunc(all, func(a, b Subscription) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return all
}

// Get returns a subscription without its secret; the error is of code NotFound.
func (m *Manager) Get(id string) (Subscription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.subs[id]
	if s == nil {
		return Subscription{}, noSubscription(id)
	}
	return s.public(), nil
}

// Update lets change work on a copy without secret, checks the result and puts it in force.
// A Secret that change sets replaces the old one, which signs along for Config.OldSecret
// more; the result then has it. ID and times cannot be changed. With ifVersion the
// subscription must still be of that version. A new URL, secret or state is tried at once;
// what is disabled gives up its pending deliveries. Errors are change's own, or of code
// NotFound, Conflict, Invalid, Closed or Internal.
func (m *Manager) Update(id string, change func(*Subscription) error, ifVersion *uint64) (Subscription, error) {
	m.storeMu.Lock()
	defer m.storeMu.Unlock()
	old, err := m.current(id, ifVersion)
	if err != nil {
		return Subscription{}, err
	}
	next := old.public()
	if err := change(&next); err != nil {
		return Subscription{}, err
	}
	fresh := m.inherit(&next, old)
	if err := next.check(m.policy); err != nil {
		return Subscription{}, err
	}
	if next.Version = old.Version; reflect.DeepEqual(next, old) {
		return next.public(), nil
	}
	next.Version, next.Updated = old.Version+1, time.Now().UTC().Round(0)
	if err := m.store(next); err != nil {
		return Subscription{}, err
	}
	if err := m.replace(old, next.clone()); err != nil {
		return Subscription{}, err
	}
	result := next.public()
	if fresh {
		result.Secret = next.Secret
	}
	return result, nil
}

// current returns a subscription with its secrets.
func (m *Manager) current(id string, version *uint64) (Subscription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.subs[id]
	switch {
	case s == nil:
		return Subscription{}, noSubscription(id)
	case m.closing:
		return Subscription{}, errorf(Closed, "the server is about to end")
	case version != nil && *version != s.Version:
		return Subscription{}, errorf(Conflict, "the subscription is at version %d by now, not %d; read it again", s.Version, *version)
	}
	return s.clone(), nil
}

// inherit gives a changed copy what a change cannot touch, and reports whether its secret is
// a new one.
func (m *Manager) inherit(next *Subscription, old Subscription) (fresh bool) {
	next.ID, next.Created, next.Updated = old.ID, old.Created, old.Updated
	next.OldSecret, next.OldUntil, next.DisabledFor = old.OldSecret, old.OldUntil, old.DisabledFor
	if next.Disabled != old.Disabled {
		next.DisabledFor = ""
	}
	if next.Secret == "" || next.Secret == old.Secret {
		next.Secret = old.Secret
		return false
	}
	next.OldSecret, next.OldUntil = old.Secret, time.Now().UTC().Round(0).Add(m.cfg.OldSecret)
	return true
}

// replace puts a stored change in force, unless the server disabled the subscription while
// it was being stored.
func (m *Manager) replace(old, next Subscription) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.subs[old.ID]
	if s.Version != old.Version {
		m.saveSubscription(old.ID)
		return errorf(Conflict, "the subscription was disabled meanwhile: %s; read it again", s.DisabledFor)
	}
	s.Subscription = next
	now := time.Now()
	switch {
	case next.Disabled:
		m.empty(s, now)
	case next.URL != old.URL || next.Secret != old.Secret || old.Disabled:
		m.retryNow(s, now)
	}
	return nil
}

// retryNow ends all pauses of a subscriber.
func (m *Manager) retryNow(s *subscriber, now time.Time) {
	s.failing, s.paused = false, time.Time{}
	m.alarms.clear(&s.alarm)
	for _, l := range s.lanes {
		if l.alarm.slot > 0 {
			l.queue.first().Next = now
			m.place(l, now)
		}
	}
	m.enlist(s)
	signal(m.wake)
}

// disable ends deliveries to an endpoint on the server's own account.
func (m *Manager) disable(s *subscriber, why string, now time.Time) {
	m.empty(s, now)
	if s.Disabled {
		return
	}
	s.Disabled, s.DisabledFor = true, why
	s.Version++
	s.Updated = now.UTC().Round(0)
	m.counters.Disabled++
	m.saveSubscription(s.ID)
}

// empty makes dead letters of everything that waits for a subscriber and is not under way.
func (m *Manager) empty(s *subscriber, now time.Time) {
	var out []*job
	for room, l := range s.lanes {
		var under []*job
		if l.running && l.queue.len() > 0 {
			under = l.queue.items[:1:1]
		}
		out = append(out, l.queue.items[len(under):]...)
		l.queue.items = under
		m.alarms.clear(&l.alarm)
		if len(under) == 0 && !l.running {
			delete(s.lanes, room)
		}
	}
	s.ready.clear()
	s.pending -= len(out)
	m.pending -= len(out)
	slices.SortFunc(out, func(a, b *job) int { return cmp.Compare(a.Order, b.Order) })
	for _, j := range out {
		m.bury(s, j, DeadDisabled, now)
	}
}

// Delete removes a subscription with all its deliveries and dead letters, and breaks off
// what is under way. Errors are of code NotFound, Conflict or Internal.
func (m *Manager) Delete(id string, ifVersion *uint64) error {
	m.storeMu.Lock()
	defer m.storeMu.Unlock()
	if _, err := m.current(id, ifVersion); err != nil {
		return err
	}
	if m.cfg.Store != nil {
		if err := m.cfg.Store.DeleteSubscription(id); err != nil {
			return storeFailed(err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drop(m.subs[id])
	return nil
}

func (m *Manager) drop(s *subscriber) {
	s.removed = true
	s.cancel()
	delete(m.subs, s.ID)
	delete(m.dirtySubs, s.ID)
	m.alarms.clear(&s.alarm)
	for _, l := range s.lanes {
		m.alarms.clear(&l.alarm)
		for _, j := range l.queue.items {
			m.forget(j)
		}
	}
	for _, j := range s.dead {
		delete(m.dead, j.ID)
		m.forget(j)
	}
	m.pending -= s.pending
}
