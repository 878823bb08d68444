// The seed of a world: what a directory of the developer's adds to the sample account.

package local

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
	"github.com/rclone/gofakes3"

	"ferry/internal/admin"
	"ferry/internal/secret"
	"ferry/internal/seed"
	"ferry/internal/state"
	"ferry/metasim"
)

// readSeed reads Config.Seed before there is anything of the world.
func (w *World) readSeed() (err error) {
	if w.config.Seed == "" {
		return nil
	}
	w.templateFiles = make(map[string]seed.TemplateFile)
	files, _ := seed.Templates(w.config.Seed) // before they are read, so that no change is missed; Read reports what is wrong
	for _, file := range files {
		w.templateFiles[file.Path] = file
	}
	if w.seed, err = seed.Read(w.config.Seed, gofakes3.ValidateBucketName); err != nil {
		return err
	}
	return w.seed.CheckReferences([]string{MetaAccountID}, []string{MetaPhoneNumberID, MetaPhoneNumberID2}, []string{AccessKeyID})
}

// accounts returns the business accounts as the simulator has them: that of the sample, and
// those of the seed, with the same app and token.
func (w *World) accounts() []metasim.BusinessAccount {
	list := []metasim.BusinessAccount{sampleAccount()}
	if w.seed == nil {
		return list
	}
	for _, a := range w.seed.Accounts {
		account := metasim.BusinessAccount{ID: a.ID, AppID: MetaAppID, AppSecret: metaAppSecret, Name: a.Name, Token: metaToken, MarketingMessagesOnboardingState: "NOT_STARTED"}
		for _, n := range a.PhoneNumbers {
			account.PhoneNumbers = append(account.PhoneNumbers, metasim.PhoneNumber{
				ID: n.ID, DisplayPhoneNumber: n.DisplayPhoneNumber, VerifiedName: n.VerifiedName, QualityRating: n.QualityRating,
			})
		}
		list = append(list, account)
	}
	return list
}

// keys returns the access keys of the world with their secrets.
func (w *World) keys() map[string]string {
	keys := map[string]string{w.AccessKeyID: w.SecretAccessKey.Reveal()}
	if w.seed != nil {
		for _, k := range w.seed.Keys {
			keys[k.ID] = k.Secret
		}
	}
	return keys
}

// createSeed creates the access keys of the seed and links its business accounts. What a data
// directory has of them already is changed to what the seed says.
func (w *World) createSeed(ctx context.Context, db *state.DB) error {
	if w.seed == nil {
		return nil
	}
	for _, k := range w.seed.Keys {
		policies := []string{admin.FullAccessPolicy}
		if len(k.Policies) > 0 {
			policies = nil
			for _, document := range k.Policies {
				policies = append(policies, string(document))
			}
		}
		if err := db.DeleteAccessKey(ctx, k.ID); err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		key := state.AccessKey{ID: k.ID, AccountID: cmp.Or(k.AccountID, AccountID), Name: k.Name, Secret: secret.New(k.Secret), Policies: policies}
		if err := db.CreateAccessKey(ctx, key); err != nil {
			return fmt.Errorf("the key %s of the seed: %w", k.Name, err)
		}
	}
	for _, a := range w.seed.Accounts {
		link := state.BusinessAccount{
			ID: a.StoredID(), AccountID: cmp.Or(a.AccountID, AccountID), MetaID: a.ID, Name: a.Name,
			MarketingOnboarding: "NOT_STARTED", AppID: MetaAppID, Token: w.MetaToken,
		}
		for _, n := range a.PhoneNumbers {
			link.PhoneNumbers = append(link.PhoneNumbers, state.PhoneNumber{
				ID: n.StoredID(), MetaID: n.ID, DisplayNumber: n.DisplayPhoneNumber, VerifiedName: n.VerifiedName, QualityRating: n.QualityRating,
			})
		}
		if _, err := db.Link(ctx, link); err != nil {
			return fmt.Errorf("the business account %s of the seed: %w", a.ID, err)
		}
	}
	return nil
}

// A seedState says how far the seed is.
type seedState struct {
	err error // why the world is not ready; nil means that it is
}

// seedReady is the health check of the seed.
func (w *World) seedReady(context.Context) error {
	if s := w.seeding.Load(); s != nil {
		return s.err
	}
	return nil
}

// announceSeed makes the world not ready until the seed is done.
func (w *World) announceSeed() {
	if w.seed != nil {
		w.seeding.Store(&seedState{fmt.Errorf("the seed in %s is being read", w.config.Seed)})
	}
}

// plant puts what the seed has into the world, whose servers run. Of a world that was loaded
// from a file, it keeps templates, people and objects as they were saved.
func (w *World) plant(ctx context.Context) error {
	if w.seed == nil {
		return nil
	}
	w.config.Logger.Debug("seed: begun", "directory", w.config.Seed, "api", w.APIURL)
	if w.config.Load == "" {
		if err := w.plantAll(ctx, w.seed); err != nil {
			return err
		}
	}
	w.seeding.Store(nil)
	w.config.Logger.Debug("seed: done", "directory", w.config.Seed, "business_accounts", len(w.seed.Accounts), "keys", len(w.seed.Keys),
		"people", len(w.seed.People), "templates", len(w.seed.Templates), "objects", len(w.seed.Objects))
	w.watchTemplates()
	return nil
}

// plantAll puts the templates, people and objects of a seed into the world.
func (w *World) plantAll(ctx context.Context, s *seed.Seed) error {
	if err := errors.Join(w.plantTemplates(s), w.plantPeople(s)); err != nil {
		return err
	}
	return w.plantObjects(ctx, s)
}

// SeedDir returns the directory of the seed, "" if there is none.
func (w *World) SeedDir() string { return w.config.Seed }

// SeedAgain reads the directory of the seed again, and puts its templates, people and objects
// into the running world; what else the world has stays. Business accounts and access keys
// are those of the start. If something is wrong in the directory, nothing changes. It returns what the
// seed has, in words.
func (w *World) SeedAgain(ctx context.Context) (what string, err error) {
	if w.seed == nil {
		return "", errors.New("this world has no seed; start it with: ferry dev --seed DIR")
	}
	w.seedAgain.Lock()
	defer w.seedAgain.Unlock()
	if err := w.seedReady(ctx); err != nil {
		return "", err
	}
	s, err := seed.Read(w.config.Seed, gofakes3.ValidateBucketName)
	if err != nil {
		return "", err
	}
	var accounts, numbers []string
	for _, a := range w.accounts() {
		accounts = append(accounts, a.ID)
		for _, n := range a.PhoneNumbers {
			numbers = append(numbers, n.ID)
		}
	}
	s.Accounts, s.Keys = nil, nil
	if err := s.CheckReferences(accounts, numbers, slices.Collect(maps.Keys(w.keys()))); err != nil {
		return "", err
	}
	defer w.seeding.Store(nil)
	if err := w.plantAll(ctx, s); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d templates, %d people, %d objects", len(s.Templates), len(s.People), len(s.Objects)), nil
}

// plantTemplates puts all templates, or none if one is refused.
func (w *World) plantTemplates(s *seed.Seed) error {
	var problems []seed.Problem
	for _, put := range []bool{false, true} {
		for _, t := range s.Templates {
			problem, err := w.putTemplate(t, put)
			if err != nil {
				return err
			}
			if problem != nil {
				problems = append(problems, *problem)
			}
		}
		if len(problems) > 0 {
			return &seed.Error{Dir: w.config.Seed, Problems: problems}
		}
	}
	return nil
}

// putTemplate puts a template of the seed, or only checks it. It returns what is wrong with it.
func (w *World) putTemplate(t seed.Template, put bool) (*seed.Problem, error) {
	account := cmp.Or(t.AccountID, MetaAccountID)
	var err error
	if put {
		_, err = w.Simulator.PutTemplate(account, t.Body)
	} else {
		err = w.Simulator.CheckTemplate(account, t.Body)
	}
	if refused, ok := errors.AsType[*metasim.TemplateError](err); ok {
		problem := t.Problem(refused.Path, refused.Text)
		return &problem, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.Path, err)
	}
	return nil, nil
}

// plantPeople changes the people of the seed.
func (w *World) plantPeople(s *seed.Seed) error {
	for _, p := range s.People {
		for _, number := range w.Simulator.Numbers() {
			if p.PhoneNumberID != "" && p.PhoneNumberID != number.ID {
				continue
			}
			before, _ := w.Simulator.Person(number.ID, p.WAID)
			change := metasim.PersonChange{
				Name: differs(p.Name, before.Name), Username: differs(p.Username, before.Username), HidesNumber: differs(p.HidesNumber, before.HidesNumber),
				Offline: differs(p.Offline, before.Offline), Blocks: differs(p.Blocks, before.Blocks), NoWhatsApp: differs(p.NoWhatsApp, before.NoWhatsApp),
			}
			if _, err := w.Simulator.ChangePerson(number.ID, p.WAID, change); err != nil {
				return fmt.Errorf("the person %s of the seed: %w", p.WAID, err)
			}
		}
	}
	return nil
}

// differs returns a value that is another one than before, or nil.
func differs[T comparable](value, before T) *T {
	if value == before {
		return nil
	}
	return &value
}

// plantObjects copies the objects of the seed into their buckets.
func (w *World) plantObjects(ctx context.Context, s *seed.Seed) error {
	for _, bucket := range s.Buckets {
		if exists, err := w.buckets.BucketExists(ctx, bucket); err != nil || exists {
			if err != nil {
				return err
			}
			continue
		}
		if err := w.buckets.CreateBucket(ctx, bucket); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(w.config.Seed)
	if err != nil {
		return err
	}
	defer root.Close()
	for i, object := range s.Objects {
		w.seeding.Store(&seedState{fmt.Errorf("the seed in %s is being put into the world: %d of %d objects are there", w.config.Seed, i, len(s.Objects))})
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := w.plantObject(ctx, root, object); err != nil {
			return &seed.Error{Dir: w.config.Seed, Problems: []seed.Problem{{File: object.Path, Text: err.Error()}}}
		}
	}
	return nil
}

// sniffed is how many bytes of an object tell its type.
const sniffed = 3072

func (w *World) plantObject(ctx context.Context, root *os.Root, object seed.Object) error {
	file, err := root.Open(object.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 64<<10)
	head, err := reader.Peek(sniffed)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	body := io.MultiReader(io.LimitReader(reader, object.Size), &mustEnd{reader})
	if object.Size == 0 {
		body = bytes.NewReader(nil)
	}
	metadata := map[string]string{"Content-Type": typeOf(head)}
	_, err = w.buckets.PutObject(ctx, object.Bucket, object.Key, metadata, body, object.Size)
	return err
}

// mustEnd fails if there is more in a file than it had when the seed was read.
type mustEnd struct{ reader io.Reader }

func (m *mustEnd) Read(p []byte) (int, error) {
	if n, _ := m.reader.Read(p); n > 0 {
		return 0, errors.New("the file has changed while it was read; try again")
	}
	return 0, io.EOF
}

// typeOf returns the type of an object by its first bytes, which is the same on every machine.
func typeOf(head []byte) string {
	name, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	if name == "audio/x-m4a" { // as S3 clients say
		return "audio/mp4"
	}
	return name
}

// A SeededAccount is a business account that the seed has added, with AWS's ids.
type SeededAccount struct {
	Name, AccountID, BusinessAccountID string
	PhoneNumbers                       map[string]string // AWS's id by display number
}

// SeededAccounts returns what the seed has added.
func (w *World) SeededAccounts() (list []SeededAccount) {
	if w.seed == nil {
		return nil
	}
	for _, a := range w.seed.Accounts {
		account := SeededAccount{a.Name, cmp.Or(a.AccountID, AccountID), "waba-" + a.StoredID(), make(map[string]string)}
		for _, n := range a.PhoneNumbers {
			account.PhoneNumbers[n.DisplayPhoneNumber] = "phone-number-id-" + n.StoredID()
		}
		list = append(list, account)
	}
	return list
}

// Numbers returns the display numbers of the account, sorted.
func (a SeededAccount) Numbers() []string { return slices.Sorted(maps.Keys(a.PhoneNumbers)) }

// A SeededKey is an access key that the seed has added. Its secret is in the seed, or derived
// from it, and protects nothing.
type SeededKey struct{ Name, ID, Secret string }

// SeededKeys returns the access keys that the seed has added.
func (w *World) SeededKeys() (list []SeededKey) {
	if w.seed != nil {
		for _, k := range w.seed.Keys {
			list = append(list, SeededKey{k.Name, k.ID, k.Secret})
		}
	}
	return list
}
