// Sign-up: what links an account through the API, in two steps. The first takes what
// Meta's sign-up dialog has returned; the second registers phone numbers and links.

package social

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"ferry/internal/admin"
	"ferry/internal/graph"
	"ferry/internal/policy"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

const (
	// maxGranted bounds the WhatsApp Business Accounts of one sign-up, each of which is
	// read at Meta.
	maxGranted = 20
	// maxRegistered bounds the phone numbers that one call registers.
	maxRegistered = 20
)

// AssociateWhatsAppBusinessAccount makes one of the two steps that link an account.
//
// With signupCallback, it exchanges the code of Meta's sign-up dialog for a token, and
// reads the accounts that the token may manage. Nothing is linked yet. With
// setupFinalization, it registers phone numbers at Meta, subscribes the app to the
// account, and then links the account with all of its phone numbers, tags and event
// destinations in one transaction. A step that fails can be repeated, the first with a
// new code.
//
// Errors: InvalidParameters for a sign-up that is unknown or has expired, for accounts
// and numbers that it does not grant, for a token without the rights that are needed, and
// when the server knows no app with its secret; AccessDenied where Meta denies the
// request; LimitExceeded; those of tags and event destinations.
func (c *call) AssociateWhatsAppBusinessAccount(ctx context.Context, in *socialmessaging.AssociateWhatsAppBusinessAccountInput) (*socialmessaging.AssociateWhatsAppBusinessAccountOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, metaTimeout)
	defer cancel()
	step := c.finishSignup
	switch {
	case (in.SignupCallback == nil) == (in.SetupFinalization == nil):
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "Expected exactly one of signupCallback, the first step, and setupFinalization, the second.")
	case in.SignupCallback != nil:
		step = c.beginSignup
	}
	out, err := step(ctx, in)
	if err != nil {
		return nil, atSignup(ctx, err)
	}
	out.StatusCode = new(int32(http.StatusOK))
	if in.SetupFinalization != nil {
		c.administered(ctx, "", "sign-up finished")
	}
	return out, nil
}

// atSignup replaces exceptions that the operation does not declare by those that it does.
func atSignup(ctx context.Context, err error) error {
	f := *faultOf(ctx, err)
	for from, to := range map[*socialmessaging.ExceptionKind]*socialmessaging.ExceptionKind{
		socialmessaging.KindAccessDeniedByMeta: socialmessaging.KindAccessDenied,
		socialmessaging.KindResourceNotFound:   socialmessaging.KindInvalidParameters,
	} {
		if f.code == from.Name {
			f.code, f.status = to.Name, to.Status
		}
	}
	return &f
}

// beginSignup is the first step.
func (c *call) beginSignup(ctx context.Context, in *socialmessaging.AssociateWhatsAppBusinessAccountInput) (*socialmessaging.AssociateWhatsAppBusinessAccountOutput, error) {
	if len(c.config.Apps) == 0 {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "This server has no app whose sign-ups it can finish. "+
			"Start it with the secret of Meta's app in the form that names the app (--app-secret APPID:SECRET), or link the account with 'ferry account link'.")
	}
	if *in.SignupCallback.AccessToken == "" {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "accessToken is empty; expected the code that Meta's sign-up dialog returned.")
	}
	signup, grant, err := c.granted(ctx, in.SignupCallback)
	if err != nil {
		return nil, err
	}
	if err := checkGrant(grant); err != nil {
		return nil, err
	}
	for _, id := range grant.BusinessAccounts {
		account, err := admin.ReadAccount(ctx, c.meta(ctx), id, signup.Token)
		if err != nil {
			return nil, err
		}
		signup.Accounts = append(signup.Accounts, account)
	}
	token, err := c.config.State.AddSignup(ctx, c.caller.accountID, &signup)
	if errors.Is(err, state.ErrTooManySignups) {
		return nil, fail(socialmessaging.KindLimitExceeded, nil, "Too many sign-ups of account %s are not finished. They expire after %.0f minutes.", c.caller.accountID, state.SignupLife.Minutes())
	}
	if err != nil {
		return nil, err
	}
	result := &types.WhatsAppSignupCallbackResult{AssociateInProgressToken: &token, LinkedAccountsWithIncompleteSetup: map[string]types.LinkedWhatsAppBusinessAccountIdMetaData{}}
	for _, account := range signup.Accounts {
		if result.LinkedAccountsWithIncompleteSetup[account.MetaID], err = c.pendingAccount(ctx, account); err != nil {
			return nil, err
		}
	}
	return &socialmessaging.AssociateWhatsAppBusinessAccountOutput{SignupCallbackResult: result}, nil
}

// isToken reports whether a text is an access token of Meta's and not a code.
func isToken(text string) bool { return strings.HasPrefix(text, "EAA") }

// granted returns the token of a sign-up and what it may do. It tries all apps: neither a
// code nor a token says of which one it is. The request to Meta is the only place that
// the callback URL goes to.
func (c *call) granted(ctx context.Context, in *types.WhatsAppSignupCallback) (state.Signup, graph.Grant, error) {
	var refusals []string
	var refusal error
	for _, app := range c.config.Apps {
		token, grant, err := c.grantOf(ctx, app, in)
		_, isRefusal := errors.AsType[*graph.Error](err)
		switch {
		case err == nil && grant.IsValid && grant.AppID == app.ID:
			return state.Signup{AppID: app.ID, Token: token}, grant, nil
		case err == nil && !grant.IsValid:
			err = fail(socialmessaging.KindInvalidParameters, nil, "WhatsApp (Meta) says that the token of the sign-up is not valid: %s.", strings.TrimSuffix(grant.Problem, "."))
		case err == nil:
			err = fail(socialmessaging.KindInvalidParameters, nil, "accessToken is a token of the app %q, whose secret this server does not have (--app-secret APPID:SECRET).", grant.AppID)
		case !isRefusal:
			return state.Signup{}, graph.Grant{}, err
		}
		refusal = err
		refusals = append(refusals, "with app "+app.ID+": "+faultOf(ctx, err).message)
	}
	if len(refusals) > 1 {
		refusal = fail(socialmessaging.KindInvalidParameters, refusal, "accessToken is neither a code nor a token of an app that this server knows. %s", strings.Join(refusals, " "))
	}
	return state.Signup{}, graph.Grant{}, refusal
}

// grantOf exchanges a code with one app, and returns what the token may do.
func (c *call) grantOf(ctx context.Context, app graph.App, in *types.WhatsAppSignupCallback) (token secret.Secret, grant graph.Grant, err error) {
	meta, redirect := c.meta(ctx), ""
	if in.CallbackUrl != nil {
		redirect = *in.CallbackUrl
	}
	token = secret.New(*in.AccessToken)
	if !isToken(*in.AccessToken) {
		if token, err = meta.ExchangeCode(ctx, app, token, redirect); err != nil {
			return token, grant, err
		}
	}
	grant, err = meta.InspectToken(ctx, app, token)
	return token, grant, err
}

// checkGrant returns what is wrong with a valid token for linking.
func checkGrant(grant graph.Grant) error {
	for _, scope := range []string{graph.ScopeManagement, graph.ScopeMessaging} {
		if !slices.Contains(grant.Scopes, scope) {
			return fail(socialmessaging.KindInvalidParameters, nil, "The token of the sign-up does not have the permission %s. Ask for it in the sign-up.", scope)
		}
	}
	switch n := len(grant.BusinessAccounts); {
	case n == 0:
		return fail(socialmessaging.KindInvalidParameters, nil, "The token of the sign-up names no WhatsApp Business Account, as tokens of system users may. Link the account with 'ferry account link'.")
	case n > maxGranted:
		return fail(socialmessaging.KindLimitExceeded, nil, "The token of the sign-up names %d WhatsApp Business Accounts; expected at most %d. Link them with 'ferry account link'.", n, maxGranted)
	}
	return nil
}

// pendingAccount returns an account of a sign-up as the first step shows it.
func (c *call) pendingAccount(ctx context.Context, account state.BusinessAccount) (types.LinkedWhatsAppBusinessAccountIdMetaData, error) {
	shown := types.LinkedWhatsAppBusinessAccountIdMetaData{
		AccountName: &account.Name, WabaId: new(kindBusinessAccount.id(account.ID)), RegistrationStatus: types.RegistrationStatusComplete,
		UnregisteredWhatsAppPhoneNumbers: []types.WhatsAppPhoneNumberDetail{},
	}
	for _, number := range account.PhoneNumbers {
		if number.IsUnregistered {
			shown.UnregisteredWhatsAppPhoneNumbers = append(shown.UnregisteredWhatsAppPhoneNumbers, types.WhatsAppPhoneNumberDetail(c.phoneNumber(number)))
		}
	}
	_, err := c.config.State.BusinessAccount(ctx, c.caller.accountID, account.ID)
	isLinked := !errors.Is(err, state.ErrNotFound)
	if !isLinked || len(shown.UnregisteredWhatsAppPhoneNumbers) > 0 {
		shown.RegistrationStatus = types.RegistrationStatusIncomplete
	}
	if !isLinked {
		err = nil
	}
	return shown, err
}

// A registration is a phone number to register.
type registration struct {
	number state.PhoneNumber
	pin    secret.Secret
	region string
}

// finishSignup is the second step. Everything is checked before anything changes at
// Meta, and the account is linked after everything has changed there.
func (c *call) finishSignup(ctx context.Context, in *socialmessaging.AssociateWhatsAppBusinessAccountInput) (*socialmessaging.AssociateWhatsAppBusinessAccountOutput, error) {
	given := in.SetupFinalization
	signup, err := c.config.State.Signup(ctx, c.caller.accountID, *given.AssociateInProgressToken)
	if errors.Is(err, state.ErrNotFound) {
		return nil, fail(socialmessaging.KindInvalidParameters, nil,
			"associateInProgressToken is not one that account %s has received in the last %.0f minutes. Make the first step (signupCallback) again.", c.caller.accountID, state.SignupLife.Minutes())
	}
	if err != nil {
		return nil, err
	}
	account, err := c.setupAccount(ctx, signup, given)
	if err != nil {
		return nil, err
	}
	setup := state.Setup{BusinessAccount: account, NumberTags: map[string]map[string]string{}}
	setup.AccountID, setup.AppID, setup.Token = c.caller.accountID, signup.AppID, signup.Token
	if given.Waba != nil {
		if setup.Tags, err = checkTags("waba.tags", given.Waba.Tags); err != nil {
			return nil, err
		}
		if setup.Destinations, err = c.setupDestinations(ctx, account.ID, given.Waba.EventDestinations); err != nil {
			return nil, err
		}
	}
	registrations, err := c.registrations(account, given.PhoneNumbers, &setup)
	if err != nil {
		return nil, err
	}
	if given.PhoneNumberParent != nil { // the others of the account are not added
		setup.PhoneNumbers = nil
		for _, r := range registrations {
			setup.PhoneNumbers = append(setup.PhoneNumbers, r.number)
		}
	}
	if err := c.prepareAtMeta(ctx, setup, registrations); err != nil {
		return nil, err
	}
	linked, err := c.config.State.LinkSetup(ctx, setup)
	if err != nil {
		return nil, c.tagFault(err, kindBusinessAccount.id(account.ID))
	}
	return &socialmessaging.AssociateWhatsAppBusinessAccountOutput{LinkedWhatsAppBusinessAccountId: new(kindBusinessAccount.id(linked.ID))}, nil
}

// setupAccount returns the account of a sign-up that the second step names: by Meta's id,
// by AWS's id, or by ARN.
func (c *call) setupAccount(ctx context.Context, signup state.Signup, given *types.WhatsAppSetupFinalization) (state.BusinessAccount, error) {
	if (given.Waba == nil) == (given.PhoneNumberParent == nil) {
		return state.BusinessAccount{}, fail(socialmessaging.KindInvalidParameters, nil,
			"Expected exactly one of waba, an account to link, and phoneNumberParent, a linked account to add the phone numbers to.")
	}
	name := ""
	switch {
	case given.PhoneNumberParent != nil:
		name = *given.PhoneNumberParent
		if _, err := c.owner(ctx, name); err != nil {
			return state.BusinessAccount{}, err
		}
	case given.Waba.Id != nil:
		name = *given.Waba.Id
	case len(signup.Accounts) == 1:
		return signup.Accounts[0], nil
	}
	id, _ := c.resolve(kindBusinessAccount, name)
	var names []string
	for _, account := range signup.Accounts {
		if id != "" && (account.ID == id || account.MetaID == id) {
			return account, nil
		}
		names = append(names, kindBusinessAccount.id(account.ID)+" ("+account.MetaID+" at Meta)")
	}
	return state.BusinessAccount{}, fail(socialmessaging.KindInvalidParameters, nil,
		"The sign-up does not grant the WhatsApp Business Account '%s'. It grants: %s.", name, strings.Join(names, ", "))
}

// setupDestinations checks the destinations of events. None given leaves them as they are.
func (c *call) setupDestinations(ctx context.Context, businessAccountID string, given []types.WhatsAppBusinessAccountEventDestination) ([]state.EventDestination, error) {
	if given == nil {
		return nil, nil
	}
	destinations := []state.EventDestination{}
	for _, g := range given {
		destination, err := c.eventDestination(ctx, businessAccountID, g)
		if err != nil {
			return nil, err
		}
		destinations = append(destinations, destination)
	}
	return destinations, nil
}

var pinForm = regexp.MustCompile(`^[0-9]{6}$`)

// registrations checks the phone numbers of the second step. It sets their tags, and that
// they are registered, in setup.
func (c *call) registrations(account state.BusinessAccount, given []types.WabaPhoneNumberSetupFinalization, setup *state.Setup) ([]registration, error) {
	if len(given) > maxRegistered {
		return nil, fail(socialmessaging.KindLimitExceeded, nil, "phoneNumbers has %d elements; expected at most %d in one call.", len(given), maxRegistered)
	}
	setup.PhoneNumbers = slices.Clone(account.PhoneNumbers)
	var list []registration
	for _, g := range given {
		id, _ := c.resolve(kindPhoneNumber, *g.Id)
		at := slices.IndexFunc(setup.PhoneNumbers, func(n state.PhoneNumber) bool { return id != "" && (n.ID == id || n.MetaID == id) })
		if at < 0 {
			return nil, fail(socialmessaging.KindInvalidParameters, nil, "The phone number '%s' does not belong to the WhatsApp Business Account %s.", *g.Id, account.MetaID)
		}
		number := &setup.PhoneNumbers[at]
		if _, twice := setup.NumberTags[number.MetaID]; twice {
			return nil, fail(socialmessaging.KindInvalidParameters, nil, "phoneNumbers has '%s' twice.", *g.Id)
		}
		if !pinForm.MatchString(*g.TwoFactorPin) {
			return nil, fail(socialmessaging.KindInvalidParameters, nil, "twoFactorPin of the phone number '%s' must have six digits.", *g.Id)
		}
		tags, err := checkTags("phoneNumbers.tags", g.Tags)
		if err != nil {
			return nil, err
		}
		setup.NumberTags[number.MetaID] = tags
		if g.DataLocalizationRegion != nil {
			number.Region = *g.DataLocalizationRegion
		}
		number.IsUnregistered = false
		list = append(list, registration{*number, secret.New(*g.TwoFactorPin), number.Region})
	}
	return list, nil
}

// prepareAtMeta registers phone numbers, and subscribes the app to their account. All of
// it can be repeated.
func (c *call) prepareAtMeta(ctx context.Context, setup state.Setup, list []registration) error {
	meta := c.meta(ctx)
	for _, r := range list {
		if err := meta.Register(ctx, r.number.MetaID, r.pin, r.region, setup.Token); err != nil {
			f := *faultOf(ctx, c.unsettled(err, "Repeat the call: a phone number can be registered again with its PIN."))
			f.message = "Phone number " + r.number.MetaID + ": " + f.message
			return &f
		}
	}
	_, _, err := admin.Subscribe(ctx, meta, admin.Link{MetaID: setup.MetaID, AppID: setup.AppID, Token: setup.Token})
	return err
}

// signupNeeds are the rights of AssociateWhatsAppBusinessAccount beside its own: to hand
// roles to the service.
func signupNeeds(in *socialmessaging.AssociateWhatsAppBusinessAccountInput) []policy.Request {
	if in.SetupFinalization == nil || in.SetupFinalization.Waba == nil {
		return nil
	}
	return roleNeeds(in.SetupFinalization.Waba.EventDestinations)
}
