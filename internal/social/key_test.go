package social_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"ferry/internal/admin"
	"ferry/internal/control"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// keyWorld is a world whose clock can be moved.
type keyWorld struct {
	*world
	later atomic.Int64
}

func newKeyWorld(t *testing.T) *keyWorld {
	w := &keyWorld{}
	w.world = newWorld(t, func(s *settings) {
		now := func() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }
		s.database.Now, s.api.Now, s.api.SignatureNow = now, now, time.Now
	})
	return w
}

// temporaryKey returns a key that is valid for 15 minutes, and its session token.
func (w *keyWorld) temporaryKey() (key state.AccessKey, token string) {
	w.t.Helper()
	key, hidden, err := admin.CreateTemporaryKey(w.t.Context(), w.state, admin.MinKeyLife, account, "app", admin.FullAccessPolicy)
	w.must(err)
	return key, hidden.Reveal()
}

// list makes a call with an access key and a session token, and returns its error as "code: message".
func (w *keyWorld) list(id, key, token string) string {
	_, err := w.client(state.AccessKey{ID: id, Secret: secret.New(key)}).ListLinkedWhatsAppBusinessAccounts(w.t.Context(), nil, withToken(id, key, token))
	if err == nil {
		return ""
	}
	failed, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return err.Error()
	}
	return failed.ErrorCode() + ": " + failed.ErrorMessage()
}

func withToken(id, key, token string) func(*socialmessaging.Options) {
	return func(o *socialmessaging.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(id, key, token)
	}
}

func TestSessionTokenIsRefusedWithAdvice(t *testing.T) {
	w := newWorld(t)
	stray := w.key
	stray.ID = "ASIAOFANOTHERSERVER0"
	for name, key := range map[string]state.AccessKey{"with one of the server's keys": w.key, "with the key of another server": stray} {
		_, err := w.client(key).ListLinkedWhatsAppBusinessAccounts(t.Context(), nil, func(o *socialmessaging.Options) {
			o.Credentials = credentials.NewStaticCredentialsProvider(key.ID, key.Secret.Reveal(), "left-over")
		})
		failed, ok := errors.AsType[smithy.APIError](err)
		if !ok || failed.ErrorCode() != "UnrecognizedClientException" || !strings.Contains(failed.ErrorMessage(), "Unset AWS_SESSION_TOKEN") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTemporaryKeyIsUsedWithItsOwnSessionTokenUntilItExpires(t *testing.T) {
	w := newKeyWorld(t)
	key, token := w.temporaryKey()
	_, otherToken := w.temporaryKey()
	if !strings.HasPrefix(key.ID, "ASIA") || len(key.ID) != 20 || len(token) != 64 || token == otherToken {
		t.Errorf("key %q, token of %d characters", key.ID, len(token))
	}
	const invalid = "UnrecognizedClientException: The security token included in the request is invalid"
	tests := []struct{ name, id, key, token, want, advice string }{
		{"its own token", key.ID, key.Secret.Reveal(), token, "", ""},
		{"no token", key.ID, key.Secret.Reveal(), "", invalid, "Set AWS_SESSION_TOKEN"},
		{"a wrong token", key.ID, key.Secret.Reveal(), token[1:] + "A", invalid, "shown together"},
		{"another key's token", key.ID, key.Secret.Reveal(), otherToken, invalid, "shown together"},
		{"a long-term key with the token", w.key.ID, w.key.Secret.Reveal(), token, invalid, "Unset AWS_SESSION_TOKEN"},
		{"a wrong secret", key.ID, "wrong", token, "InvalidSignatureException: ", ""},
		{"a wrong secret and no token", key.ID, "wrong", "", "InvalidSignatureException: ", ""},
	}
	for _, c := range tests {
		if got := w.list(c.id, c.key, c.token); (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) || !strings.Contains(got, c.advice) {
			t.Errorf("%s: %q, want %q with %q", c.name, got, c.want, c.advice)
		}
	}

	w.later.Store(int64(admin.MinKeyLife))
	tests[0].want, tests[0].advice = "ExpiredTokenException: The security token included in the request is expired", "ferry key create --expires"
	for _, c := range tests {
		if got := w.list(c.id, c.key, c.token); !strings.HasPrefix(got, c.want) || !strings.Contains(got, c.advice) {
			t.Errorf("expired, %s: %q, want %q with %q", c.name, got, c.want, c.advice)
		}
	}
	if got := w.list(w.key.ID, w.key.Secret.Reveal(), ""); got != "" {
		t.Errorf("a long-term key, later: %s", got)
	}
	if log := w.log.String(); strings.Contains(log, token) || strings.Contains(log, otherToken) {
		t.Error("the log has a session token")
	}

	w.later.Store(int64(admin.MinKeyLife - time.Second)) // a disabled key is as an unknown one, whatever its token is
	w.must(w.state.SetAccessKeyDisabled(t.Context(), key.ID, true))
	unknown := w.list("ASIAUNKNOWN000000000", key.Secret.Reveal(), token)
	if got := w.list(key.ID, key.Secret.Reveal(), token); got != unknown || got == "" {
		t.Errorf("disabled: %q, want %q", got, unknown)
	}
}

func TestUploadThatBeganBeforeItsKeyExpiredEndsAfterIt(t *testing.T) {
	w := newKeyWorld(t)
	w.put("note.txt", "text/plain", text)
	key, token := w.temporaryKey()
	_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, Latency: 300 * time.Millisecond, Times: 1})
	w.must(err)
	ended := make(chan error, 1)
	go func() {
		name := bucket
		object := "note.txt"
		_, err := w.client(key).PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
			OriginationPhoneNumberId: &w.phone, SourceS3File: &socialmessaging.S3File{BucketName: &name, Key: &object},
		}, withToken(key.ID, key.Secret.Reveal(), token))
		ended <- err
	}()
	for !uploading(w.world) {
		runtime.Gosched()
	}
	w.later.Store(int64(time.Hour))
	if err := <-ended; err != nil {
		t.Errorf("the upload: %v", err)
	}
	if got := w.list(key.ID, key.Secret.Reveal(), token); !strings.HasPrefix(got, "ExpiredTokenException") {
		t.Errorf("a call after it: %q", got)
	}
}

func TestStreamEndsWhenItsKeyExpires(t *testing.T) {
	w := newKeyWorld(t)
	key, token := w.temporaryKey()
	w.later.Store(int64(admin.MinKeyLife - 200*time.Millisecond))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.api.URL+control.StreamPath, nil)
	w.must(err)
	w.sign(request, func(s *scope) { s.key, s.token = key, token })
	response, err := http.DefaultClient.Do(request)
	w.must(err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %d", response.StatusCode)
	}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() { // until the server ends it
	}
	w.must(lines.Err())
}

// Clients change to the successor one after the other, and none is refused.
func TestRotationRefusesNoCall(t *testing.T) {
	w := newKeyWorld(t)
	const clients, rotations = 4, 5
	var current atomic.Pointer[state.AccessKey]
	current.Store(&w.key)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var group sync.WaitGroup
	var calls [clients]atomic.Int64
	for i := range clients {
		group.Go(func() {
			for ctx.Err() == nil {
				key := current.Load()
				if got := w.list(key.ID, key.Secret.Reveal(), ""); got != "" {
					t.Errorf("refused with %s: %s", key.ID, got)
					return
				}
				calls[i].Add(1)
			}
		})
	}
	// everybodyCalls returns when each client has begun and ended a call since it was called.
	everybodyCalls := func() {
		for i := range clients {
			for before := calls[i].Load(); calls[i].Load() < before+2 && !t.Failed(); {
				runtime.Gosched()
			}
		}
	}
	everybodyCalls()
	for range rotations {
		old, successor, err := admin.RotateAccessKey(t.Context(), w.state, current.Load().ID, 0)
		w.must(err)
		if successor.AccountID != old.AccountID || successor.Name != old.Name || len(successor.Policies) != 1 || successor.Policies[0] != old.Policies[0] {
			t.Fatalf("the successor of %+v is %+v", old, successor)
		}
		everybodyCalls() // with the old key
		current.Store(&successor)
		everybodyCalls() // with the new one
		w.must(admin.SetAccessKeyDisabled(t.Context(), w.state, old.ID, true))
		everybodyCalls()
		w.must(admin.DeleteAccessKey(t.Context(), w.state, old.ID))
		everybodyCalls()
	}
	stop()
	group.Wait()
	total := int64(0)
	for i := range clients {
		total += calls[i].Load()
	}
	t.Logf("%d calls during %d rotations, none refused", total, rotations)
}

func TestKeyThatWasRotatedWithAnEndIsRefusedWithAdviceAfterIt(t *testing.T) {
	w := newKeyWorld(t)
	old, successor, err := admin.RotateAccessKey(t.Context(), w.state, w.key.ID, 30*time.Minute)
	w.must(err)
	uses := func(key state.AccessKey, secret string) string { return w.list(key.ID, secret, "") }
	if got := uses(old, w.key.Secret.Reveal()) + uses(successor, successor.Secret.Reveal()); got != "" {
		t.Errorf("before the end: %s", got)
	}
	w.later.Store(int64(30 * time.Minute))
	got := uses(old, w.key.Secret.Reveal())
	if !strings.HasPrefix(got, "UnrecognizedClientException: The security token included in the request is invalid: the access key ended at ") || !strings.Contains(got, "Use its successor") {
		t.Errorf("after the end: %q", got)
	}
	if got := uses(old, "wrong"); !strings.HasPrefix(got, "InvalidSignatureException") {
		t.Errorf("after the end, with a wrong secret: %q", got)
	}
	if got := uses(successor, successor.Secret.Reveal()); got != "" {
		t.Errorf("the successor after the end: %s", got)
	}
	w.must(admin.SetAccessKeyDisabled(t.Context(), w.state, old.ID, false))
	if got := uses(old, w.key.Secret.Reveal()); got != "" {
		t.Errorf("enabled again: %s", got)
	}
}

// A policy can require a temporary key, for what is dangerous.
func TestConditionOnTheTimeAtWhichATokenWasIssued(t *testing.T) {
	w := newKeyWorld(t)
	list := func(condition string) (longTerm, temporary string) {
		policy := allowIf(condition)
		key := w.newKey(account, policy)
		short, token, err := admin.CreateTemporaryKey(t.Context(), w.state, time.Hour, account, "app", policy)
		w.must(err)
		return w.list(key.ID, key.Secret.Reveal(), ""), w.list(short.ID, short.Secret.Reveal(), token.Reveal())
	}
	before, after := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339), time.Now().Add(time.Minute).UTC().Format(time.RFC3339)
	for condition, want := range map[string]struct{ longTerm, temporary bool }{
		`{"Null":{"aws:TokenIssueTime":"false"}}`:                            {false, true},
		`{"Null":{"aws:TokenIssueTime":"true"}}`:                             {true, false},
		`{"DateGreaterThan":{"aws:TokenIssueTime":"` + before + `"}}`:        {false, true},
		`{"DateGreaterThan":{"aws:TokenIssueTime":"` + after + `"}}`:         {false, false},
		`{"DateGreaterThanIfExists":{"aws:TokenIssueTime":"` + after + `"}}`: {true, false},
		`{"DateLessThanIfExists":{"aws:tokenissuetime":"` + after + `"}}`:    {true, true},
	} {
		longTerm, temporary := list(condition)
		if (longTerm == "") != want.longTerm || (temporary == "") != want.temporary {
			t.Errorf("%s: long-term %q, temporary %q; want %+v", condition, longTerm, temporary, want)
		}
	}
}
