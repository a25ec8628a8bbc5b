package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// Webhooks send events to subscribers. Errors are *rooms.Error.
type Webhooks interface {
	Create(Webhook) (Webhook, error)
	List() []Webhook // without secrets, the oldest first
	Get(id string) (Webhook, error)
	// Update changes one. Its secret is in the result only if it is new. Errors: NotFound,
	// Conflict if it is not of that version, Invalid, change's own.
	Update(id string, change func(*Webhook) error, ifVersion *uint64) (Webhook, error)
	Delete(id string, ifVersion *uint64) error
	// Test sends a ping now.
	Test(ctx context.Context, id string) (WebhookTest, error)
	// DeadLetters returns what could not be delivered, the oldest first.
	DeadLetters(id string) ([]DeadLetter, error)
	// Redeliver queues a dead letter of a subscription once more; Discard forgets it.
	Redeliver(id, letter string) error
	Discard(id, letter string) error
}

// Webhook is a subscription, as JSON.
type Webhook struct {
	ID          string         `json:"id" doc:"Names the subscription." example:"wh_q3v7mq4wz6xa3tbn"`
	URL         string         `json:"url" doc:"Where events are posted." example:"https://app.example.com/confd"`
	Kinds       []string       `json:"kinds" nullable:"false" doc:"Only these kinds of events; one that ends in a dot stands for all that begin so. Empty: all." example:"[\"participant.\",\"room.closed\"]"`
	Rooms       []string       `json:"rooms" nullable:"false" doc:"Only events of these rooms. Empty: all." example:"[\"standup\"]"`
	Secret      string         `json:"secret,omitempty" doc:"Signs what is sent (Standard Webhooks). It is told once, when it is made." example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`
	Description string         `json:"description" maxLength:"256" doc:"For people." example:"CRM"`
	Disabled    bool           `json:"disabled" doc:"It gets nothing, and events that come meanwhile are not kept for it." example:"false"`
	DisabledFor string         `json:"disabled_for,omitempty" doc:"Why, if the server disabled it." example:"the endpoint answered 410 Gone"`
	Created     time.Time      `json:"created" doc:"When it was made." example:"2026-03-01T09:00:00Z"`
	Updated     time.Time      `json:"updated" doc:"When it was last changed." example:"2026-03-01T09:00:00Z"`
	Version     uint64         `json:"version" doc:"Counts changes; the ETag has it." example:"1"`
	Status      *WebhookStatus `json:"status,omitempty" doc:"How deliveries go. When a subscription is read or listed."`
}

// WebhookStatus is how deliveries go.
type WebhookStatus struct {
	Pending       int        `json:"pending" minimum:"0" doc:"Deliveries that wait or are under way." example:"0"`
	DeadLetters   int        `json:"dead_letters" minimum:"0" doc:"Deliveries that were given up." example:"0"`
	Failing       bool       `json:"failing" doc:"The last attempt failed." example:"false"`
	Delivered     uint64     `json:"delivered_total" doc:"Deliveries that were taken, since the start." example:"250"`
	LastAttempt   *time.Time `json:"last_attempt,omitempty" doc:"When one was tried last." example:"2026-03-01T09:10:02Z"`
	LastDelivered *time.Time `json:"last_delivered,omitempty" doc:"When one was taken last." example:"2026-03-01T09:10:02Z"`
	LastStatus    int        `json:"last_status,omitempty" minimum:"0" maximum:"599" doc:"What the endpoint answered last; absent if it did not." example:"200"`
	LastError     string     `json:"last_error,omitempty" doc:"What was wrong with the last attempt." example:"connection refused"`
}

// WebhookTest is what came of a ping.
type WebhookTest struct {
	Delivered bool    `json:"delivered" doc:"The endpoint took it." example:"true"`
	Status    int     `json:"status,omitempty" minimum:"0" maximum:"599" doc:"What the endpoint answered; absent if it did not." example:"200"`
	Error     string  `json:"error,omitempty" doc:"What was wrong." example:"connection refused"`
	Duration  float64 `json:"duration" minimum:"0" doc:"How long it took, seconds." example:"0.12"`
}

// DeadLetter is an event that could not be delivered.
type DeadLetter struct {
	ID       string    `json:"id" doc:"Names the delivery." example:"dl_q3v7mq4wz6xa3tbn"`
	Seq      uint64    `json:"seq" doc:"The event's place among all events." example:"1764000000000042"`
	Kind     string    `json:"kind" doc:"The event's kind." example:"participant.joined"`
	Room     string    `json:"room,omitempty" maxLength:"64" doc:"The event's room." example:"standup"`
	Reason   string    `json:"reason" enum:"rejected,refused,exhausted,expired,overflow,disabled" doc:"Why it was given up: rejected by the endpoint for good; refused, an address that webhooks do not go to; exhausted, tried as often as configured; expired, too old; overflow, too many waited; disabled." example:"exhausted"`
	Attempts int       `json:"attempts" minimum:"0" doc:"How often it was tried." example:"12"`
	Status   int       `json:"status,omitempty" minimum:"0" maximum:"599" doc:"What the endpoint answered last; absent if it did not." example:"500"`
	Error    string    `json:"error,omitempty" doc:"What was wrong with the last attempt." example:"500 Internal Server Error"`
	Died     time.Time `json:"died" doc:"When it was given up." example:"2026-03-01T21:10:02Z"`
	Event    jsonText  `json:"event" doc:"The event itself, an Event." example:"{\"kind\":\"participant.joined\"}"`
}

// jsonText is an object that is JSON already.
type jsonText = object

// DeadEvent is the text of an event as a [DeadLetter] has it.
func DeadEvent(text []byte) jsonText {
	if !json.Valid(text) {
		return nil
	}
	return jsonText(text)
}

// WebhookFields are what can be set in a subscription.
type WebhookFields struct {
	URL         optional[string]   `json:"url,omitempty" maxLength:"2048" doc:"Where events are posted: https, not to private addresses unless the server allows it." example:"https://app.example.com/confd"`
	Kinds       optional[[]string] `json:"kinds,omitempty" maxItems:"64" doc:"Only these kinds of events; one that ends in a dot stands for all that begin so. Default []: all." example:"[\"participant.\"]"`
	Rooms       optional[[]string] `json:"rooms,omitempty" maxItems:"256" doc:"Only events of these rooms. Default []: all." example:"[\"standup\"]"`
	Secret      optional[string]   `json:"secret,omitempty" maxLength:"256" doc:"Signs what is sent: whsec_ and Base64 of 24 to 64 bytes. Default: one is made up. A replaced one signs along for a day." example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`
	Description optional[string]   `json:"description,omitempty" maxLength:"256" doc:"For people. Default: empty." example:"CRM"`
	Disabled    optional[bool]     `json:"disabled,omitempty" doc:"Send nothing. Default false." example:"false"`
}

func (f *WebhookFields) patch(w *Webhook) error {
	f.URL.to(&w.URL)
	f.Kinds.to(&w.Kinds)
	f.Rooms.to(&w.Rooms)
	f.Secret.to(&w.Secret)
	f.Description.to(&w.Description)
	f.Disabled.to(&w.Disabled)
	return nil
}

// OfWebhook is the path of a subscription.
type OfWebhook struct {
	ID string `path:"id" minLength:"1" maxLength:"64" doc:"The subscription's id." example:"wh_q3v7mq4wz6xa3tbn"`
}

// OfLetter is the path of a dead letter.
type OfLetter struct {
	OfWebhook
	Letter string `path:"letter" minLength:"1" maxLength:"64" doc:"The dead letter's id." example:"dl_q3v7mq4wz6xa3tbn"`
}

// WebhookAnswer is one subscription.
type WebhookAnswer struct {
	ETag string `header:"ETag"`
	Body Webhook
}

// MadeWebhook is a subscription that was made.
type MadeWebhook struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Webhook
}

// WebhookList is all subscriptions.
type WebhookList struct {
	Body struct {
		Webhooks []Webhook `json:"webhooks" nullable:"false" doc:"Subscriptions, the oldest first."`
	}
}

// WebhookTestAnswer is what came of a ping.
type WebhookTestAnswer struct{ Body WebhookTest }

// DeadLetterList is a page of dead letters.
type DeadLetterList struct {
	Body struct {
		DeadLetters []DeadLetter `json:"dead_letters" nullable:"false" doc:"What could not be delivered, the oldest first."`
		Next
	}
}

func (s *Server) addWebhooks() {
	if s.config.Webhooks == nil {
		return
	}
	const path, letters = "/v1/webhooks/{id}", "/v1/webhooks/{id}/dead-letters"
	add(s, endpoint{method: "GET", path: "/v1/webhooks", id: "list-webhooks", tag: "webhooks", scope: ScopeAdmin,
		summary: "List subscriptions", text: "Without secrets."}, s.listWebhooks)
	add(s, endpoint{method: "POST", path: "/v1/webhooks", id: "create-webhook", tag: "webhooks", scope: ScopeAdmin, status: http.StatusCreated,
		summary: "Subscribe to events", text: "Each event is posted as JSON, an Event, signed as Standard Webhooks has it (headers webhook-id, webhook-timestamp, webhook-signature), in order per room, and again with growing pauses until the endpoint answers 2xx. The answer has the secret; no other does.",
		problems: []string{"full", "draining", "internal"}}, s.createWebhook)
	add(s, endpoint{method: "GET", path: path, id: "get-webhook", tag: "webhooks", scope: ScopeAdmin,
		summary: "Read a subscription", problems: []string{"not_found"}}, s.getWebhook)
	add(s, endpoint{method: "PATCH", path: path, id: "patch-webhook", tag: "webhooks", scope: ScopeAdmin,
		summary: "Change a subscription", text: "A merge patch.", problems: []string{"not_found", "conflict", "draining", "internal"}}, s.patchWebhook)
	add(s, endpoint{method: "DELETE", path: path, id: "delete-webhook", tag: "webhooks", scope: ScopeAdmin, status: http.StatusNoContent,
		summary: "Delete a subscription", text: "With all that waits for it.", problems: []string{"not_found", "draining", "internal"}}, s.deleteWebhook)
	add(s, endpoint{method: "POST", path: path + "/test", id: "test-webhook", tag: "webhooks", scope: ScopeAdmin,
		summary: "Send a ping now", text: "A signed event of kind ping, once; the answer tells what came of it.", problems: []string{"not_found", "full", "draining", "timed_out"}}, s.testWebhook)
	add(s, endpoint{method: "GET", path: letters, id: "list-dead-letters", tag: "webhooks", scope: ScopeAdmin,
		summary: "List what could not be delivered", problems: []string{"not_found"}}, s.listDeadLetters)
	add(s, endpoint{method: "POST", path: letters + "/{letter}/redeliver", id: "redeliver", tag: "webhooks", scope: ScopeAdmin, status: http.StatusNoContent,
		summary: "Try a dead letter again", text: "Behind what waits for its room.", problems: []string{"not_found", "conflict", "full", "draining"}}, s.redeliver)
	add(s, endpoint{method: "DELETE", path: letters + "/{letter}", id: "discard-dead-letter", tag: "webhooks", scope: ScopeAdmin, status: http.StatusNoContent,
		summary: "Forget a dead letter", problems: []string{"not_found"}}, s.discard)
}

func (s *Server) listWebhooks(context.Context, *struct{}) (*WebhookList, error) {
	out := &WebhookList{}
	out.Body.Webhooks = append([]Webhook{}, s.config.Webhooks.List()...)
	return out, nil
}

func (s *Server) createWebhook(_ context.Context, in *struct {
	Repeatable
	Body WebhookFields
}) (*MadeWebhook, error) {
	if !in.Body.URL.set || in.Body.URL.value == "" {
		return nil, invalid("body.url", "it is missing; an https URL is wanted")
	}
	var w Webhook
	_ = in.Body.patch(&w)
	made, err := s.config.Webhooks.Create(w)
	if err != nil {
		return nil, err
	}
	return &MadeWebhook{ETag: etag(made.Version), Location: "/v1/webhooks/" + made.ID, Body: made}, nil
}

func webhookAnswer(w Webhook, err error) (*WebhookAnswer, error) {
	if err != nil {
		return nil, err
	}
	return &WebhookAnswer{ETag: etag(w.Version), Body: w}, nil
}

func (s *Server) getWebhook(_ context.Context, in *OfWebhook) (*WebhookAnswer, error) {
	return webhookAnswer(s.config.Webhooks.Get(in.ID))
}

func (s *Server) patchWebhook(_ context.Context, in *struct {
	OfWebhook
	Precondition
	Body WebhookFields
}) (*WebhookAnswer, error) {
	w, err := s.config.Webhooks.Update(in.ID, in.Body.patch, in.IfMatch.version)
	return webhookAnswer(w, in.onVersion(err))
}

func (s *Server) deleteWebhook(_ context.Context, in *struct {
	OfWebhook
	Precondition
}) (*struct{}, error) {
	return nil, in.onVersion(s.config.Webhooks.Delete(in.ID, in.IfMatch.version))
}

func (s *Server) testWebhook(ctx context.Context, in *OfWebhook) (*WebhookTestAnswer, error) {
	t, err := s.config.Webhooks.Test(ctx, in.ID)
	return &WebhookTestAnswer{t}, err
}

func (s *Server) listDeadLetters(_ context.Context, in *struct {
	OfWebhook
	Paging
}) (*DeadLetterList, error) {
	all, err := s.config.Webhooks.DeadLetters(in.ID)
	if err != nil {
		return nil, err
	}
	if in.After != "" {
		i := slices.IndexFunc(all, func(d DeadLetter) bool { return d.ID == in.After })
		if i < 0 {
			return nil, invalid("query.after", "there is no dead letter %s any more; begin anew", clip(in.After))
		}
		all = all[i+1:]
	}
	out := &DeadLetterList{}
	if len(all) > in.Limit {
		all = all[:in.Limit]
		out.Body.Next.Next = all[in.Limit-1].ID
	}
	out.Body.DeadLetters = append([]DeadLetter{}, all...)
	return out, nil
}

func (s *Server) redeliver(_ context.Context, in *OfLetter) (*struct{}, error) {
	return nil, s.config.Webhooks.Redeliver(in.ID, in.Letter)
}

func (s *Server) discard(_ context.Context, in *OfLetter) (*struct{}, error) {
	return nil, s.config.Webhooks.Discard(in.ID, in.Letter)
}
