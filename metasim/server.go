package metasim

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// copyBuffer is the size in bytes of the buffers that copy uploads.
const copyBuffer = 256 << 10

// A Server simulates the Graph API of WhatsApp. It is an http.Handler and safe for
// concurrent use. Only Run and RunBackground start goroutines.
type Server struct {
	cfg      Config
	access   access
	accounts map[string]*BusinessAccount
	phones   *phoneBook
	apps     map[string][]string        // app id → ids of the accounts that are connected through it
	tokens   map[string]map[string]bool // token → ids of the accounts that it has access to

	appTokens   map[string]map[string]bool // the same of the tokens of apps
	secretTexts []string                   // of apps, which the history redacts
	tokenExpiry tokenExpiry

	clock   *clock
	records *trackedRecords // the same as cfg.Records

	clockChange sync.Mutex   // held while the clock is changed, with all steps
	loops       atomic.Int32 // calls of Run and RunBackground
	media       *table[Media]
	uploads     *uploadIndex
	history     *history
	faults      *faultList
	random      *randomSource
	changed     *broadcaster // of the history and the webhooks

	webhooks      *webhooks
	webhookClient *http.Client
	subscriptions *subscriptions
	people        *people
	inbox         *inbox

	messages  *messages
	templates *templates
	limiter   *limiter
	edgeState

	urlKey  [32]byte // signs download URLs
	buffers sync.Pool

	graphOrigin atomic.Value // string: scheme://host on which Run serves the Graph API

	lastSweep   atomic.Int64 // time of the last removal of what has expired, in Unix seconds
	running     chan struct{}
	runningOnce sync.Once
	closed      chan struct{}
	closeOnce   sync.Once
	closeErr    error

	// sleep waits for d, for ctx or for Close, whichever comes first. A field
	// so that tests need not wait.
	sleep func(ctx context.Context, d time.Duration) error
}

// phone is a phone number and the account that it belongs to.
type phone struct {
	PhoneNumber
	accountID string
	row       *numberRow // what has become of it; nil means that nothing has changed
}

// New returns a Server with the state that cfg.Storage and cfg.Records have of an
// earlier one. It panics if Config.Validate returns an error.
func New(cfg Config) *Server {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg = cfg.withDefaults()
	records := &trackedRecords{RecordStore: cfg.Records}
	cfg.Records = records
	s := &Server{
		cfg:      cfg,
		accounts: map[string]*BusinessAccount{},
		phones:   &phoneBook{},
		apps:     map[string][]string{},
		tokens:   map[string]map[string]bool{},

		appTokens: map[string]map[string]bool{},

		clock:    newClock(cfg.Clock, cfg.Records),
		media:    newTable[Media](mediaKind, maxMedia, errMediaFull, cfg.Records),
		uploads:  newUploadIndex(cfg.Records),
		random:   newRandomSource(cfg.Seed),
		changed:  &broadcaster{},
		messages: newMessages(cfg.Records),
		limiter:  newLimiter(),
		running:  make(chan struct{}),
		closed:   make(chan struct{}),
	}
	s.access, _ = newAccess(cfg) // Validate has checked it
	s.history = &history{changed: s.changed}
	s.faults = &faultList{random: s.random, records: cfg.Records, problem: s.logStorage}
	s.buffers.New = func() any { return new([copyBuffer]byte) }
	s.sleep = s.sleepUntil
	rand.Read(s.urlKey[:]) // never fails
	for _, a := range cfg.BusinessAccounts {
		a := a.withDefaults()
		s.accounts[a.ID] = &a
		for _, p := range a.PhoneNumbers {
			s.phones.set(&phone{PhoneNumber: p.withDefaults(), accountID: a.ID})
		}
		if a.AppID != "" {
			s.apps[a.AppID] = append(s.apps[a.AppID], a.ID)
		}
		addToken(s.tokens, a.Token, a.ID)
		if a.AppSecret != "" {
			addToken(s.appTokens, a.appTokenOf(), a.ID)
			s.secretTexts = append(s.secretTexts, a.AppSecret)
		}
	}
	s.webhookClient = newWebhookClient(cfg.WebhookTransport)
	s.subscriptions = newSubscriptions(cfg, len(s.accounts)+len(s.phones.list())+maxNumbers)
	s.people = newPeople(cfg.Records)
	s.inbox = newInbox(cfg.Records)
	s.edgeState = newEdgeState(cfg.Records, len(s.accounts))
	s.templates = newTemplates(cfg)
	s.webhooks = newWebhooks(s)
	s.records = records
	records.now = s.clock.now
	s.restore()
	records.set(s.Now())
	return s
}

// addToken gives a token access to an account.
func addToken(tokens map[string]map[string]bool, token, account string) {
	if tokens[token] == nil {
		tokens[token] = map[string]bool{}
	}
	tokens[token][account] = true
}

// HealthPath is the path at which the Graph API says that it responds, with status 204. Meta's
// does not have it. Such a request is not in the history, and no fault applies to it.
const HealthPath = "/_metasim/health"

// ServeHTTP serves the Graph API and the media host.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.admit(w, r, refuseGraph) {
		return
	}
	if r.URL.Path == HealthPath {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	c := s.begin(w, r)
	defer c.finish()
	if c.fault != nil && !c.applyFault() {
		return
	}
	result, err := c.serve()
	if c.losesResponse() {
		if err != nil {
			c.setReason(err.historyReason())
		}
		c.abort()
		return
	}
	c.respond(result, err)
}

// Close ends the waits of faults, removes upload sessions and closes Config.Storage
// and Config.Records, whose state stays for the next Server. Close does not wait
// for requests in progress: end Run, or shut the http.Server down, first.
func (s *Server) Close() error {
	s.closeOnce.Do(func() {
		close(s.closed)
		s.media.forget()
		s.subscriptions.rows.forget()
		s.people.rows.forget()
		s.inbox.table.forget()
		s.webhookClient.CloseIdleConnections()
		s.messages.table.forget()
		s.forgetEdges()
		s.templates.table.forget()
		s.discardUploads(removedUploads{sessions: s.uploads.close()})
		s.closeErr = s.cfg.Storage.Close()
		s.closeErr = errors.Join(s.closeErr, s.cfg.Records.Close())
	})
	return s.closeErr
}

// Reset removes media, upload sessions and handles, also from the storage, the
// history and the faults, and makes the clock show the time of Config.Clock again.
// Accounts stay.
func (s *Server) Reset() {
	before := s.Now()
	s.remove(func(time.Time) bool { return true })
	s.logStorage(s.clock.reset())
	s.history.clear()
	s.faults.clear()
	s.logStorage(s.subscriptions.clear())
	s.logStorage(s.people.clear())
	s.logStorage(s.inbox.clear())
	s.webhooks.clear()
	s.logStorage(s.messages.clear())
	s.logStorage(s.resetTemplates())
	s.limiter.reset()
	s.tokenExpiry.reset()
	s.clearEdges()
	now := s.Now()
	s.records.set(now)
	s.clockMoved(now.Sub(before))
}

// Media returns a file that was uploaded and has neither been deleted nor
// expired.
func (s *Server) Media(id string) (Media, bool) {
	return s.media.find(id, s.Now())
}

// Handle returns the file of a handle of a resumable upload. It reports false for
// a handle that does not exist or has expired.
func (s *Server) Handle(h string) (Handle, bool) {
	found, ok := s.uploads.handles.find(h, s.Now())
	return found.Handle, ok
}

// Requests returns the history of the Graph API, newest last. It has the last
// 1000 requests; DroppedRequests counts the older ones. A request is in it as
// soon as it arrives, and its entry is complete before the client has the
// response (except for the number of bytes of a download).
func (s *Server) Requests() []Request { return s.history.list() }

// DroppedRequests returns the number of requests that the history has dropped
// since the last Reset.
func (s *Server) DroppedRequests() int { return s.history.droppedCount() }

// NotSimulated returns how many requests, since the last Reset, were for what Meta has and
// the simulator lacks, by its name. It counts those that the history has dropped, too.
func (s *Server) NotSimulated() map[string]int { return s.history.missingCounts() }

// AddFault adds a fault after the existing ones and returns it with its id. It
// returns an error if the fault is invalid or its id is already in use.
func (s *Server) AddFault(f Fault) (Fault, error) {
	defer s.changed.broadcast()
	return s.faults.add(f)
}

// Faults returns all faults with their counters, in the order in which they
// are tried.
func (s *Server) Faults() []Fault { return s.faults.list() }

// RemoveFault removes a fault and reports whether it existed.
func (s *Server) RemoveFault(id string) bool {
	defer s.changed.broadcast()
	return s.faults.remove(id)
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() {
	defer s.changed.broadcast()
	s.faults.clear()
}

// load reads what the records have.
func (s *Server) load() (problems []error) {
	problems = slices.Concat(s.clock.load(), s.faults.load(), s.media.load(s.checkMedia), s.uploads.handles.load(s.checkHandle),
		s.subscriptions.rows.load(s.checkSubscription), s.people.rows.load(s.checkPerson), s.messages.load(), s.inbox.load(), s.restoreTemplates(), s.loadEdges())
	s.people.indexPeople()
	return problems
}

// restore reads the state of an earlier Server.
func (s *Server) restore() {
	problems := s.load()
	for _, problem := range problems {
		s.cfg.Logger.Error("metasim: not restored", "error", problem)
	}
	s.removeExpired()
	persistent, ok := s.cfg.Storage.(PersistentStorage)
	unreadable := func(err error) bool { return !errors.Is(err, ErrBadRecord) }
	if !ok || slices.ContainsFunc(problems, unreadable) { // a file may belong to a record that could not be read
		return
	}
	named := map[string]bool{}
	for _, file := range s.media.all() {
		named[file.ID] = true
	}
	for _, h := range s.uploads.handles.all() {
		named[h.BlobID] = true
	}
	for _, row := range s.flows.rows.all() {
		named[row.BlobID] = true
	}
	s.logStorage(persistent.Retain(func(id string) bool { return named[id] }))
}

// removeExpired removes what has expired, also from the storage.
func (s *Server) removeExpired() {
	s.endUnanswered()
	now := s.Now()
	s.remove(func(expires time.Time) bool { return !now.Before(expires) })
	s.logStorage(s.templates.removeExpired(now))
}

// removeExpiredHourly removes what has expired if the last time was an hour ago:
// for a Server that Run does not serve.
func (s *Server) removeExpiredHourly() {
	now, last := s.Now().Unix(), s.lastSweep.Load()
	if now-last >= int64(time.Hour/time.Second) && s.lastSweep.CompareAndSwap(last, now) {
		s.removeExpired()
	}
}

// remove removes the media, sessions and handles for whose time of expiry selects
// returns true.
func (s *Server) remove(selects func(expires time.Time) bool) {
	files, err := s.media.removeWhere(func(m Media) bool { return selects(m.Expires) })
	s.logStorage(err)
	for _, file := range files {
		s.discardBytes(file.ID)
	}
	uploads, err := s.uploads.removeWhere(selects)
	s.logStorage(err)
	s.discardUploads(uploads)
}

// discardBytes deletes a file that no record names any more.
func (s *Server) discardBytes(id string) { s.logStorage(s.cfg.Storage.Delete(id)) }

// discardUploads discards what the index has removed.
func (s *Server) discardUploads(removed removedUploads) {
	for _, session := range removed.sessions {
		s.logStorage(session.discard())
	}
	for _, id := range removed.blobIDs {
		s.discardBytes(id)
	}
}

// logStorage logs an error of the storage that does not fail a request.
func (s *Server) logStorage(err error) {
	if err != nil && !errors.Is(err, ErrStorageClosed) {
		s.cfg.Logger.Error("metasim: storage", "error", err)
	}
}

func (s *Server) sleepUntil(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.closed:
		return http.ErrServerClosed
	}
}

// randomSource is a seeded generator that is safe for concurrent use.
type randomSource struct {
	mu  sync.Mutex
	rng *mathrand.Rand
}

func newRandomSource(seed uint64) *randomSource {
	if seed == 0 {
		seed = mathrand.Uint64()
	}
	return &randomSource{rng: mathrand.New(mathrand.NewPCG(seed, 0x6d657461))}
}

// mediaID returns an id of 15 to 17 digits, as Meta's have.
func (r *randomSource) mediaID() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	low := uint64(100_000_000_000_000)
	for range r.rng.IntN(3) {
		low *= 10
	}
	return fmt.Sprint(low + r.rng.Uint64N(9*low))
}

// digits returns n decimal digits, of which the first is not 0.
func (r *randomSource) digits(n int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := []byte{byte('1' + r.rng.IntN(9))}
	for len(text) < n {
		text = append(text, byte('0'+r.rng.IntN(10)))
	}
	return string(text)
}

// bytes returns n bytes.
func (r *randomSource) bytes(n int) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.rng.Uint32())
	}
	return b
}

// word returns n characters of the base64url alphabet.
func (r *randomSource) word(n int) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	r.mu.Lock()
	defer r.mu.Unlock()
	word := make([]byte, n)
	for i := range word {
		word[i] = alphabet[r.rng.IntN(len(alphabet))]
	}
	return string(word)
}

// float returns a number in [0, 1).
func (r *randomSource) float() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rng.Float64()
}
