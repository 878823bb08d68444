package social_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/admin"
	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/metasim"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

const (
	signupApp     = "501"
	signupSecret  = "app-secret-canary"
	signupCode    = "AQcode-canary"
	signupToken   = "EAAsignup-canary"
	signupPIN     = "493817"
	signupAccount = "900" // with the registered number 91 and the unregistered 92
)

// signupMeta is Meta's side of a sign-up, in the words of its documentation.
type signupMeta struct {
	mu       sync.Mutex
	requests []string // "METHOD path", in order
	register []string // bodies
	scopes   []string
	targets  []string
	refuse   map[string]string // bodies of errors, by "METHOD path"
	isOpen   map[string]bool   // phone numbers that are registered
	redirect string            // of the exchange
}

func (m *signupMeta) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v25.0")
	query, key := r.URL.Query(), r.Method+" "+path
	m.requests = append(m.requests, key)
	respond := func(value any) { _ = json.NewEncoder(w).Encode(value) }
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if refusal := m.refuse[key]; refusal != "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, refusal)
		return
	}
	switch {
	case key == "GET /oauth/access_token" && query.Get("client_id") == signupApp && query.Get("client_secret") == signupSecret && query.Get("code") == signupCode && bearer == "":
		m.redirect = query.Get("redirect_uri")
		respond(map[string]any{"access_token": signupToken})
	case key == "GET /debug_token" && bearer == signupApp+"|"+signupSecret && query.Get("input_token") == signupToken:
		granular := []any{map[string]any{"scope": "whatsapp_business_management", "target_ids": m.targets}}
		respond(map[string]any{"data": map[string]any{"app_id": signupApp, "type": "SYSTEM_USER", "is_valid": true, "expires_at": 0, "scopes": m.scopes, "granular_scopes": granular}})
	case bearer != signupToken:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"Error validating verification code: `+signupCode+` `+signupSecret+`","type":"OAuthException","code":100,"error_subcode":36009}}`)
	case key == "GET /"+signupAccount:
		respond(map[string]any{"id": signupAccount, "name": "New Shop"})
	case key == "GET /"+signupAccount+"/phone_numbers":
		var data []any
		for _, id := range []string{"91", "92"} {
			platform := "NOT_APPLICABLE"
			if m.isOpen[id] {
				platform = "CLOUD_API"
			}
			data = append(data, map[string]any{"id": id, "display_phone_number": "+49 151 500000" + id, "verified_name": "Shop", "quality_rating": "UNKNOWN", "platform_type": platform})
		}
		respond(map[string]any{"data": data})
	case strings.HasSuffix(key, "/register"):
		body, _ := io.ReadAll(r.Body)
		m.register = append(m.register, path+" "+string(body))
		respond(map[string]any{"success": true})
	case key == "GET /"+signupAccount+"/subscribed_apps":
		respond(map[string]any{"data": []any{}})
	case key == "POST /"+signupAccount+"/subscribed_apps":
		respond(map[string]any{"success": true})
	default:
		w.WriteHeader(http.StatusNotFound)
		respond(map[string]any{"error": map[string]any{"message": "unexpected " + key, "code": 2500}})
	}
}

// newSignupWorld makes a world whose sign-ups go to a signupMeta.
func newSignupWorld(t *testing.T, apps ...graph.App) (*world, *signupMeta) {
	t.Helper()
	meta := &signupMeta{scopes: []string{"whatsapp_business_management", "whatsapp_business_messaging"}, targets: []string{signupAccount}, isOpen: map[string]bool{"91": true}}
	server := httptest.NewServer(meta)
	t.Cleanup(server.Close)
	client, err := graph.New(graph.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return newWorld(t, func(s *settings) { s.api.Graph, s.api.Apps = client, apps }), meta
}

var knownApp = graph.App{ID: signupApp, Secret: secret.New(signupSecret)}

func (w *world) begin(accessToken string) (*types.WhatsAppSignupCallbackResult, error) {
	w.t.Helper()
	out, err := w.client(w.key).AssociateWhatsAppBusinessAccount(w.t.Context(), &socialmessaging.AssociateWhatsAppBusinessAccountInput{
		SignupCallback: &types.WhatsAppSignupCallback{AccessToken: &accessToken, CallbackUrl: new("https://shop.example/callback")}})
	if err != nil {
		return nil, err
	}
	if *out.StatusCode != 200 || out.LinkedWhatsAppBusinessAccountId != nil {
		w.t.Errorf("the first step: %+v", out)
	}
	return out.SignupCallbackResult, nil
}

func (w *world) finishSignup(setup types.WhatsAppSetupFinalization) (id string, err error) {
	w.t.Helper()
	out, err := w.client(w.key).AssociateWhatsAppBusinessAccount(w.t.Context(), &socialmessaging.AssociateWhatsAppBusinessAccountInput{SetupFinalization: &setup})
	if err != nil {
		return "", err
	}
	if *out.StatusCode != 200 || out.SignupCallbackResult != nil {
		w.t.Errorf("the second step: %+v", out)
	}
	return *out.LinkedWhatsAppBusinessAccountId, nil
}

func TestSignupLinksInTwoSteps(t *testing.T) {
	w, meta := newSignupWorld(t, knownApp)
	begun, err := w.begin(signupCode)
	w.must(err)
	shown := begun.LinkedAccountsWithIncompleteSetup[signupAccount]
	if len(begun.LinkedAccountsWithIncompleteSetup) != 1 || *shown.AccountName != "New Shop" || shown.RegistrationStatus != types.RegistrationStatusIncomplete ||
		len(shown.UnregisteredWhatsAppPhoneNumbers) != 1 || *shown.UnregisteredWhatsAppPhoneNumbers[0].MetaPhoneNumberId != "92" || len(*begun.AssociateInProgressToken) > 50 {
		t.Fatalf("%+v", begun)
	}
	if meta.redirect != "https://shop.example/callback" {
		t.Errorf("the code was exchanged for the callback URL %q", meta.redirect)
	}
	list, err := w.client(w.key).ListLinkedWhatsAppBusinessAccounts(t.Context(), nil)
	if err != nil || len(list.LinkedAccounts) != 1 {
		t.Errorf("after the first step: %+v, %v", list, err)
	}
	setup := types.WhatsAppSetupFinalization{
		AssociateInProgressToken: begun.AssociateInProgressToken,
		PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{{
			Id: shown.UnregisteredWhatsAppPhoneNumbers[0].PhoneNumberId, TwoFactorPin: new(signupPIN), DataLocalizationRegion: new("DE"), Tags: []types.Tag{{Key: new("line"), Value: new("sales")}},
		}},
		Waba: &types.WabaSetupFinalization{Id: shown.WabaId, Tags: []types.Tag{{Key: new("team"), Value: new("a")}},
			EventDestinations: []types.WhatsAppBusinessAccountEventDestination{{EventDestinationArn: new(topicARN)}}},
	}
	// Meta fails at each request in turn: nothing is linked, and the same call succeeds later.
	for _, failing := range []string{"POST /92/register", "GET /900/subscribed_apps", "POST /900/subscribed_apps"} {
		meta.refuse = map[string]string{failing: `{"error":{"message":"Service temporarily unavailable","code":2}}`}
		if _, err := w.finishSignup(setup); !isException(err, "DependencyException") {
			t.Errorf("%s fails: %v", failing, err)
		}
		if list, err := w.client(w.key).ListLinkedWhatsAppBusinessAccounts(t.Context(), nil); err != nil || len(list.LinkedAccounts) != 1 {
			t.Errorf("%s fails: %+v, %v", failing, list, err)
		}
	}
	meta.refuse = nil
	for range 2 { // once more, as after a response that was lost
		id, err := w.finishSignup(setup)
		if err != nil || id != *shown.WabaId {
			t.Fatal(id, err)
		}
	}
	if want := `/92/register {"messaging_product":"whatsapp","pin":"493817","data_localization_region":"DE"}`; meta.register[0] != want {
		t.Errorf("registered with %s", meta.register[0])
	}
	got, err := w.client(w.key).GetLinkedWhatsAppBusinessAccount(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: shown.WabaId})
	w.must(err)
	linked := got.Account
	if linked.RegistrationStatus != types.RegistrationStatusComplete || len(linked.PhoneNumbers) != 2 || *linked.EventDestinations[0].EventDestinationArn != topicARN ||
		*linked.PhoneNumbers[1].DataLocalizationRegion != "DE" || *linked.PhoneNumbers[1].PhoneNumberId != *shown.UnregisteredWhatsAppPhoneNumbers[0].PhoneNumberId {
		t.Errorf("linked %+v", linked)
	}
	if diff := cmp.Diff([][]string{{"team=a"}, {"line=sales"}}, [][]string{w.tags(*linked.Arn), w.tags(*linked.PhoneNumbers[1].Arn)}); diff != "" {
		t.Error(diff)
	}
	owner, err := w.state.Owner(t.Context(), account, strings.TrimPrefix(*linked.Id, "waba-"))
	if err != nil || owner.Token.Reveal() != signupToken || owner.AppID != signupApp {
		t.Errorf("the token is not stored: %v", err)
	}
	for _, canary := range []string{signupPIN, signupCode, signupToken, signupSecret, *begun.AssociateInProgressToken} {
		if strings.Contains(w.log.String(), canary) {
			t.Errorf("the log has %s", canary)
		}
	}
}

func isException(err error, code string) bool {
	exception, ok := socialmessaging.AsException(err)
	return ok && exception.Code == code
}

func TestAccountWithANumberThatIsNotRegisteredIsIncomplete(t *testing.T) {
	w, _ := newSignupWorld(t, graph.App{ID: "1", Secret: secret.New("another")}, knownApp)
	begun, err := w.begin(signupToken) // a token in place of a code
	w.must(err)
	id, err := w.finishSignup(types.WhatsAppSetupFinalization{AssociateInProgressToken: begun.AssociateInProgressToken,
		PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{}, Waba: &types.WabaSetupFinalization{}})
	w.must(err)
	got, err := w.client(w.key).GetLinkedWhatsAppBusinessAccount(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: &id})
	if err != nil || got.Account.RegistrationStatus != types.RegistrationStatusIncomplete || len(got.Account.PhoneNumbers) != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	// The number is added to the account later.
	again, err := w.begin(signupToken)
	w.must(err)
	parent, err := w.finishSignup(types.WhatsAppSetupFinalization{AssociateInProgressToken: again.AssociateInProgressToken, PhoneNumberParent: got.Account.Arn,
		PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{{Id: new("92"), TwoFactorPin: new(signupPIN)}}})
	if err != nil || parent != id {
		t.Fatal(parent, err)
	}
	list, err := w.client(w.key).ListLinkedWhatsAppBusinessAccounts(t.Context(), nil)
	w.must(err)
	for _, linked := range list.LinkedAccounts {
		if linked.RegistrationStatus != types.RegistrationStatusComplete {
			t.Errorf("%s is %s", *linked.Id, linked.RegistrationStatus)
		}
	}
}

func TestSignupIsRefusedBeforeAnythingChanges(t *testing.T) {
	w, meta := newSignupWorld(t, knownApp)
	begun, err := w.begin(signupCode)
	w.must(err)
	waba, pin, n92 := &types.WabaSetupFinalization{Id: new(signupAccount)}, new(signupPIN), new("92")
	before := len(meta.requests)
	for name, test := range map[string]struct {
		change func(s *types.WhatsAppSetupFinalization)
		code   string
		want   string
	}{
		"an unknown token":               {func(s *types.WhatsAppSetupFinalization) { s.AssociateInProgressToken = new("no") }, "InvalidParametersException", "associateInProgressToken"},
		"neither account nor parent":     {func(s *types.WhatsAppSetupFinalization) { s.Waba = nil }, "InvalidParametersException", "exactly one of waba"},
		"account and parent":             {func(s *types.WhatsAppSetupFinalization) { s.PhoneNumberParent = &w.waba }, "InvalidParametersException", "exactly one of waba"},
		"an account that is not granted": {func(s *types.WhatsAppSetupFinalization) { s.Waba = &types.WabaSetupFinalization{Id: &w.waba} }, "InvalidParametersException", "900 at Meta"},
		"a parent that is not granted":   {func(s *types.WhatsAppSetupFinalization) { s.Waba, s.PhoneNumberParent = nil, &w.waba }, "InvalidParametersException", "does not grant"},
		"a parent that is not linked":    {func(s *types.WhatsAppSetupFinalization) { s.Waba, s.PhoneNumberParent = nil, new("waba-0") }, "InvalidParametersException", "waba-0"},
		"a number of another account":    {func(s *types.WhatsAppSetupFinalization) { s.PhoneNumbers[0].Id = new("1") }, "InvalidParametersException", "does not belong"},
		"a number twice":                 {func(s *types.WhatsAppSetupFinalization) { s.PhoneNumbers = append(s.PhoneNumbers, s.PhoneNumbers[0]) }, "InvalidParametersException", "twice"},
		"a PIN of five digits":           {func(s *types.WhatsAppSetupFinalization) { s.PhoneNumbers[0].TwoFactorPin = new("49381") }, "InvalidParametersException", "six digits"},
		"a reserved tag of a number":     {func(s *types.WhatsAppSetupFinalization) { s.PhoneNumbers[0].Tags = []types.Tag{{Key: new("aws:a")}} }, "InvalidParametersException", "aws:"},
		"a destination that is not there": {func(s *types.WhatsAppSetupFinalization) {
			s.Waba.EventDestinations = []types.WhatsAppBusinessAccountEventDestination{{EventDestinationArn: new("arn:aws:sqs:us-east-1:111122223333:q")}}
		}, "InvalidParametersException", "no event destination"},
		"too many numbers": {func(s *types.WhatsAppSetupFinalization) {
			s.PhoneNumbers = make([]types.WabaPhoneNumberSetupFinalization, 21)
			for i := range s.PhoneNumbers {
				s.PhoneNumbers[i] = types.WabaPhoneNumberSetupFinalization{Id: n92, TwoFactorPin: pin}
			}
		}, "LimitExceededException", "at most 20"},
	} {
		own := *waba
		setup := types.WhatsAppSetupFinalization{AssociateInProgressToken: begun.AssociateInProgressToken, Waba: &own,
			PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{{Id: n92, TwoFactorPin: pin}}}
		test.change(&setup)
		if _, err := w.finishSignup(setup); !isException(err, test.code) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "49381") {
			t.Errorf("%s: %v, want %s: %s", name, err, test.code, test.want)
		}
	}
	if len(meta.requests) != before {
		t.Errorf("Meta had %v", meta.requests[before:])
	}
	meta.refuse = map[string]string{"POST /92/register": `{"error":{"message":"(#133005) Two step verification PIN Mismatch","code":133005}}`}
	_, err = w.finishSignup(types.WhatsAppSetupFinalization{AssociateInProgressToken: begun.AssociateInProgressToken, Waba: waba, PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{{Id: n92, TwoFactorPin: pin}}})
	if !isException(err, "InvalidParametersException") || !strings.Contains(err.Error(), "Phone number 92") || !strings.Contains(err.Error(), "133005") {
		t.Errorf("a PIN that Meta refuses: %v", err)
	}
}

func TestFirstStepOfASignupNeedsAnAppAndAGrant(t *testing.T) {
	w, _ := newSignupWorld(t)
	if _, err := w.begin(signupCode); !isException(err, "InvalidParametersException") || !strings.Contains(err.Error(), "--app-secret APPID:SECRET") {
		t.Errorf("without an app: %v", err)
	}
	_, err := w.client(w.key).AssociateWhatsAppBusinessAccount(t.Context(), nil)
	if !isException(err, "InvalidParametersException") || !strings.Contains(err.Error(), "exactly one of signupCallback") {
		t.Errorf("neither step: %v", err)
	}
	w, meta := newSignupWorld(t, knownApp)
	for name, test := range map[string]struct {
		token  string
		scopes []string
		grants []string
		refuse map[string]string
		code   string
		want   string
	}{
		"an empty code":               {"", meta.scopes, meta.targets, nil, "InvalidParametersException", "accessToken is empty"},
		"a code that is used up":      {"AQused", meta.scopes, meta.targets, nil, "InvalidParametersException", "36009"},
		"without messaging":           {signupCode, []string{"whatsapp_business_management"}, meta.targets, nil, "InvalidParametersException", "whatsapp_business_messaging"},
		"a token without an account":  {signupCode, meta.scopes, nil, nil, "InvalidParametersException", "ferry account link"},
		"a token of many":             {signupCode, meta.scopes, strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21"), nil, "LimitExceededException", "at most 20"},
		"an account that Meta denies": {signupCode, meta.scopes, []string{"900"}, map[string]string{"GET /900": `{"error":{"message":"(#200) denied","code":200}}`}, "AccessDeniedException", "code 200"},
		"an account that is gone":     {signupCode, meta.scopes, []string{"900"}, map[string]string{"GET /900": `{"error":{"message":"gone","code":100,"error_subcode":33}}`}, "InvalidParametersException", "gone"},
	} {
		meta.scopes, meta.targets, meta.refuse = test.scopes, test.grants, test.refuse
		_, err := w.begin(test.token)
		if !isException(err, test.code) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), signupSecret) {
			t.Errorf("%s: %v, want %s: %s", name, err, test.code, test.want)
		}
	}
}

func TestSignupIsUselessToOthersAndAfterAnHour(t *testing.T) {
	clock := time.Now()
	meta := &signupMeta{scopes: []string{"whatsapp_business_messaging"}, targets: []string{signupAccount}}
	server := httptest.NewServer(meta)
	t.Cleanup(server.Close)
	client, err := graph.New(graph.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := newWorld(t, func(s *settings) {
		s.api.Graph, s.api.Apps = client, []graph.App{knownApp}
		s.database.Now = func() time.Time { return clock }
	})
	begun, err := w.begin(signupCode)
	w.must(err)
	setup := types.WhatsAppSetupFinalization{AssociateInProgressToken: begun.AssociateInProgressToken, PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{}, Waba: &types.WabaSetupFinalization{}}
	own := w.key
	w.key = w.newKey(stranger, admin.FullAccessPolicy)
	if _, err := w.finishSignup(setup); !isException(err, "InvalidParametersException") {
		t.Errorf("a stranger's call: %v", err)
	}
	w.key, clock = own, clock.Add(state.SignupLife)
	_, err = w.finishSignup(setup)
	if exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err); !ok || !strings.Contains(exception.ErrorMessage(), "in the last 60 minutes") {
		t.Errorf("after an hour: %v", err)
	}
}

// Meta's side is the simulator here: a code of its dialog, and a number that nobody has
// registered.
func TestSignupAtTheSimulator(t *testing.T) {
	simulator := metasim.New(metasim.Config{Strict: true, BusinessAccounts: []metasim.BusinessAccount{{
		ID: signupAccount, AppID: signupApp, AppSecret: signupSecret, Name: "New Shop", Token: "EAAowner",
		PhoneNumbers: []metasim.PhoneNumber{{ID: "91", DisplayPhoneNumber: "+49 151 50000091", PlatformType: "NOT_APPLICABLE"}},
	}}})
	server := httptest.NewServer(simulator)
	t.Cleanup(func() {
		_ = simulator.Close()
		server.Close()
	})
	client, err := graph.New(graph.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := newWorld(t, func(s *settings) { s.api.Graph, s.api.Apps = client, []graph.App{knownApp} })
	dialog, err := simulator.Signup(signupAccount)
	w.must(err)
	begin := func(accessToken string) (*socialmessaging.AssociateWhatsAppBusinessAccountOutput, error) {
		return w.client(w.key).AssociateWhatsAppBusinessAccount(t.Context(), &socialmessaging.AssociateWhatsAppBusinessAccountInput{
			SignupCallback: &types.WhatsAppSignupCallback{AccessToken: &accessToken}})
	}
	begun, err := begin(dialog.Code)
	w.must(err)
	if shown := begun.SignupCallbackResult.LinkedAccountsWithIncompleteSetup[signupAccount]; len(shown.UnregisteredWhatsAppPhoneNumbers) != 1 {
		t.Errorf("the sign-up has %+v", shown)
	}
	setup := func(pin string) (string, error) {
		return w.finishSignup(types.WhatsAppSetupFinalization{AssociateInProgressToken: begun.SignupCallbackResult.AssociateInProgressToken,
			Waba: &types.WabaSetupFinalization{}, PhoneNumbers: []types.WabaPhoneNumberSetupFinalization{{Id: new("91"), TwoFactorPin: &pin}}})
	}
	id, err := setup(signupPIN)
	w.must(err)
	if _, err := setup("000000"); !isException(err, "InvalidParametersException") || !strings.Contains(err.Error(), "133005") {
		t.Errorf("another PIN: %v", err)
	}
	got, err := w.client(w.key).GetLinkedWhatsAppBusinessAccount(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: &id})
	if err != nil || got.Account.RegistrationStatus != types.RegistrationStatusComplete {
		t.Errorf("%+v, %v", got, err)
	}
	again, err := admin.ReadAccount(t.Context(), client, signupAccount, secret.New("EAAowner"))
	if err != nil || again.PhoneNumbers[0].IsUnregistered {
		t.Errorf("at Meta: %+v, %v", again, err)
	}
	for given, want := range map[string]string{dialog.Code: "36009", "EAAnobody": "not valid: Invalid OAuth access token"} {
		if _, err := begin(given); !isException(err, "InvalidParametersException") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", given, err, want)
		}
	}
}
