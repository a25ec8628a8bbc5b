package report

import (
	"slices"
	"testing"
)

func TestAudienceIsJudged(t *testing.T) {
	for _, c := range []struct {
		member AudienceMember
		broken []string
	}{
		{AudienceMember{Received: 1}, nil},
		{AudienceMember{}, []string{BoundAudience}},
		{AudienceMember{Received: 1, Different: 1}, []string{BoundDifferent}},
		{AudienceMember{Received: 1, AwaitingKey: 1}, []string{BoundKey}},
	} {
		a, v := Audience{Listeners: 1}, Verdict{}
		a.Add(&c.member)
		a.Judge(&v)
		if !slices.Equal(v.Names(), c.broken) || v.Passed != (c.broken == nil) {
			t.Errorf("%+v: %q, passed %v", c.member, v.Names(), v.Passed)
		}
	}
}
