// Meta's API, its clock, and the token of each business account.

package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"ferry/internal/graph"
	"ferry/internal/state"
)

const (
	expirySoon = 7 * 24 * time.Hour // before the end of a token
	clockAside = 30 * time.Second   // difference between two clocks above which there is a warning
	clockWrong = 5 * time.Minute    // and above which a check fails
)

// meta returns the lines about Meta's API and its clock.
func (x *examination) meta(ctx context.Context) []Result {
	host := x.config.Graph.Host()
	reached, err := x.config.Graph.Reach(ctx)
	if err != nil {
		found, fix := unreached(host, err)
		return []Result{fail("meta", host, found, fix), skip("clock", host, "Meta does not respond")}
	}
	return []Result{
		ok("meta", host, fmt.Sprintf("responds in %d ms", reached.Took.Milliseconds())),
		compareClocks(host, reached.Date, reached.At, reached.Took),
	}
}

// compareClocks compares this machine's clock with the date of a response, which has whole
// seconds and was made some time between the request and the response.
func compareClocks(host string, date, at time.Time, took time.Duration) Result {
	const name = "clock"
	if date.IsZero() {
		return skip(name, host, "the response has no date")
	}
	aside := date.Add(500 * time.Millisecond).Sub(at)
	direction := "ahead of"
	if aside < 0 {
		aside, direction = -aside, "behind"
	}
	aside = max(0, aside-took/2-500*time.Millisecond)
	found := fmt.Sprintf("its clock is %v %s this machine's", aside.Round(time.Second), direction)
	const fix = "Correct the clock of this machine (timedatectl, chronyc tracking). If the other lines about clocks are ok, the clock there is wrong."
	switch {
	case aside >= clockWrong:
		return fail(name, host, found+"; signatures and tokens depend on the time", fix)
	case aside >= clockAside:
		return warn(name, host, found, fix)
	case aside < 2*time.Second:
		return ok(name, host, "agrees with this machine's")
	}
	return ok(name, host, found)
}

// unreached says why a host does not respond, without the addresses that its name has.
func unreached(host string, err error) (found, fix string) {
	var lookup *net.DNSError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "its name does not exist", "Correct the name, or the DNS of this machine (resolvectl query " + nameOf(host) + ")."
	case errors.As(err, &lookup):
		return "its name cannot be resolved", "Check the DNS of this machine (resolvectl query " + nameOf(host) + ")."
	case errors.As(err, &authority), errors.As(err, &name), errors.As(err, &invalid):
		return "its TLS certificate is not valid for it", "Check that no proxy replaces the certificate, that this machine has the certificates of the usual authorities, and that its clock is right."
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it refuses connections", "Check that it runs, and its address and port."
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "it does not respond in time", "Check that the firewall lets this machine connect to " + host + "."
	}
	if _, status, hasStatus := strings.Cut(err.Error(), ": status "); hasStatus && len(status) == 3 {
		return "it responds with status " + status, "Wait, or look at the status page of the service (https://metastatus.com). If there is a proxy between, check that."
	}
	return "it sends no usable response", "Check its address, and that the firewall and proxies let this machine connect to " + host + "."
}

// nameOf returns a host without its port.
func nameOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// accountList says how many business accounts there are.
func (x *examination) accountList(context.Context) []Result {
	const name = "accounts"
	switch {
	case x.listErr != nil:
		return []Result{skip(name, "", x.listErr.Error()+"; tokens are not examined")}
	case len(x.accounts) == 0:
		return []Result{warn(name, "", "no WhatsApp Business Account is linked, so nothing can be sent", "Link one: ferry account link --account DIGITS --waba-id ID --meta-token-file FILE")}
	case x.more > 0:
		return []Result{ok(name, "", fmt.Sprintf("%d business accounts are linked; the tokens of the first %d are examined", len(x.accounts)+x.more, maxAccounts))}
	}
	return []Result{ok(name, "", fmt.Sprintf("business accounts that are linked: %d", len(x.accounts)))}
}

// account returns the lines about one business account: its token, the subscription of the
// app to its webhooks, its phone numbers, and where its events go.
func (x *examination) account(ctx context.Context, stored state.BusinessAccount) []Result {
	subject := "waba-" + stored.ID
	rest := func(why string) []Result {
		return []Result{skip("subscribed", subject, why), skip("numbers", subject, why)}
	}
	events := x.eventTargets(ctx, subject, stored)
	if x.failed["keyset "] || x.config.Sealer == nil {
		return append([]Result{skip("token", subject, "it cannot be read without the right keyset")}, append(rest("the token cannot be read"), events...)...)
	}
	owner, err := x.config.State.Owner(ctx, stored.AccountID, stored.ID)
	if err != nil {
		return append([]Result{fail("token", subject, text(err), "Link the account again with its token: "+linkCommand(stored))}, append(rest("the token cannot be read"), events...)...)
	}
	if x.failed["meta "+x.config.Graph.Host()] {
		return append([]Result{skip("token", subject, "Meta does not respond")}, append(rest("Meta does not respond"), events...)...)
	}
	grant, token := x.token(ctx, subject, owner)
	if token.Status == Fail && !slices.Contains(grant.Scopes, graph.ScopeManagement) {
		return append([]Result{token}, append(rest("the token may not ask"), events...)...)
	}
	return append([]Result{token, x.subscribed(ctx, subject, owner, grant), x.numbers(ctx, subject, owner)}, events...)
}

// newToken says how to replace the token of a business account.
func newToken(owner state.BusinessAccount) string {
	return "Make a new token (Meta Business Suite, System users) with both WhatsApp permissions, and link the account again with it: " + linkCommand(owner)
}

// linkCommand returns the command that links an account again.
func linkCommand(owner state.BusinessAccount) string {
	return fmt.Sprintf("ferry account link --account %s --waba-id %s --meta-token-file FILE", owner.AccountID, owner.MetaID)
}

// token asks Meta about a token.
func (x *examination) token(ctx context.Context, subject string, owner state.BusinessAccount) (graph.Grant, Result) {
	const name = "token"
	grant, err := x.config.Graph.InspectToken(ctx, graph.App{}, owner.Token)
	if err != nil {
		found, fix := metaProblem(x.config.Graph.Host(), err, newToken(owner))
		return graph.Grant{}, fail(name, subject, found, fix)
	}
	var missing []string
	for _, scope := range []string{graph.ScopeManagement, graph.ScopeMessaging} {
		if !slices.Contains(grant.Scopes, scope) {
			missing = append(missing, scope)
		}
	}
	left := grant.Expires.Sub(x.config.Now())
	isOther := owner.AppID != "" && grant.AppID != "" && grant.AppID != owner.AppID
	switch {
	case !grant.IsValid:
		found := "it is not valid"
		if grant.Problem != "" {
			found += ", as Meta says: " + grant.Problem
		}
		return graph.Grant{}, fail(name, subject, found, newToken(owner))
	case len(missing) > 0:
		return grant, fail(name, subject, "it lacks the permission "+list(missing), newToken(owner))
	case len(grant.BusinessAccounts) > 0 && !slices.Contains(grant.BusinessAccounts, owner.MetaID):
		return grant, fail(name, subject, fmt.Sprintf("it may not manage the business account %s, only %s", owner.MetaID, list(grant.BusinessAccounts[:min(3, len(grant.BusinessAccounts))])), "Assign the business account to the system user of the token, or link it with another token.")
	case isOther:
		return grant, warn(name, subject, fmt.Sprintf("it belongs to the app %s, but the account was linked with the app %s, whose webhooks are accepted for it", grant.AppID, owner.AppID), "Link the account again, or with a token of the other app: "+linkCommand(owner)+" --app-id "+grant.AppID)
	case !grant.Expires.IsZero() && left <= 0:
		return grant, fail(name, subject, "it expired on "+grant.Expires.UTC().Format("2006-01-02 15:04 MST"), newToken(owner))
	case !grant.Expires.IsZero() && left < expirySoon:
		return grant, warn(name, subject, fmt.Sprintf("it expires on %s, in %d hours", grant.Expires.UTC().Format("2006-01-02 15:04 MST"), int(left.Hours())), "Replace it before that. "+newToken(owner))
	}
	found := "valid, with both permissions"
	if grant.AppID != "" {
		found += ", of the app " + grant.AppID
	}
	if grant.Expires.IsZero() {
		return grant, ok(name, subject, found+"; it does not expire")
	}
	return grant, ok(name, subject, found+"; it expires on "+grant.Expires.UTC().Format("2006-01-02"))
}

// metaProblem says what is wrong with a request to Meta. fix is what to do if Meta refuses it.
func metaProblem(host string, err error, fix string) (found, advice string) {
	refused, isRefusal := errors.AsType[*graph.Error](err)
	if !isRefusal {
		found, advice = unreached(host, err)
		return "Meta: " + found, advice
	}
	if refused.Status >= 500 {
		return "Meta fails: " + refused.Summary(), "Wait, or look at https://metastatus.com. Meta's support asks for the fbtrace_id."
	}
	return "Meta refuses it: " + refused.Summary(), fix
}

// subscribed looks whether Meta sends the webhooks of an account to its app.
func (x *examination) subscribed(ctx context.Context, subject string, owner state.BusinessAccount, grant graph.Grant) Result {
	const name = "subscribed"
	if len(x.config.AppSecrets) == 0 {
		return skip(name, subject, "this server receives no webhooks (no --app-secret)")
	}
	apps, err := x.config.Graph.SubscribedApps(ctx, owner.MetaID, owner.Token)
	if err != nil {
		found, fix := metaProblem(x.config.Graph.Host(), err, newToken(owner))
		return fail(name, subject, found, fix)
	}
	id := owner.AppID
	if id == "" {
		id = grant.AppID
	}
	at := slices.IndexFunc(apps, func(a graph.SubscribedApp) bool { return a.ID == id })
	if at < 0 && (id != "" || len(apps) == 0) {
		return fail(name, subject, "Meta sends its webhooks to "+appNames(apps, id)+": statuses and messages of people do not arrive", "Subscribe the app: "+linkCommand(owner)+" --subscribe")
	}
	if at >= 0 && apps[at].URL != "" {
		return ok(name, subject, fmt.Sprintf("the app %s, with a callback URL of the account's own at %s", id, hostOf(apps[at].URL)))
	}
	return ok(name, subject, "Meta sends its webhooks to "+appNames(apps, ""))
}

// appNames lists apps; not is one that is missing.
func appNames(apps []graph.SubscribedApp, not string) string {
	var ids []string
	for _, a := range apps {
		ids = append(ids, "the app "+a.ID)
	}
	switch {
	case len(ids) == 0 && not == "":
		return "no app"
	case len(ids) == 0:
		return "no app, and not to the app " + not
	case not == "":
		return list(ids)
	}
	return list(ids) + ", and not to the app " + not
}

// numbers compares the phone numbers of an account with what Meta says about them.
func (x *examination) numbers(ctx context.Context, subject string, owner state.BusinessAccount) Result {
	const name = "numbers"
	numbers, err := x.config.Graph.PhoneNumbers(ctx, owner.MetaID, owner.Token)
	if err != nil {
		found, fix := metaProblem(x.config.Graph.Host(), err, newToken(owner))
		return fail(name, subject, found, fix)
	}
	linked, err := x.config.State.BusinessAccount(ctx, owner.AccountID, owner.ID)
	if err != nil {
		return skip(name, subject, "the numbers that are linked here cannot be read: "+text(err))
	}
	var gone, unregistered, red []string
	for _, stored := range linked.PhoneNumbers {
		at := slices.IndexFunc(numbers, func(n graph.PhoneNumber) bool { return n.ID == stored.MetaID })
		switch {
		case at < 0:
			gone = append(gone, stored.DisplayNumber)
		case !numbers[at].IsRegistered():
			unregistered = append(unregistered, stored.DisplayNumber)
		case numbers[at].QualityRating == "RED":
			red = append(red, stored.DisplayNumber)
		}
	}
	switch {
	case len(gone) > 0:
		return warn(name, subject, "no longer at Meta: "+list(gone), "Link the account again without them, or add them at Meta: "+linkCommand(owner))
	case len(unregistered) > 0:
		return warn(name, subject, "not registered for the Cloud API, so they cannot send: "+list(unregistered), "Register them in Meta's WhatsApp Manager, or by a sign-up (AssociateWhatsAppBusinessAccount).")
	case len(red) > 0:
		return warn(name, subject, "Meta rates the quality of "+list(red)+" as low, and may limit or block it", "See the insights in Meta's WhatsApp Manager: people block or report what is sent.")
	}
	found := fmt.Sprintf("registered: %d", len(linked.PhoneNumbers))
	if more := len(numbers) - len(linked.PhoneNumbers); more > 0 {
		found += fmt.Sprintf("; %d more at Meta are not linked here", more)
	}
	return ok(name, subject, found)
}

// list joins texts as in a sentence.
func list(texts []string) string {
	if last := len(texts) - 1; last > 0 {
		return strings.Join(texts[:last], ", ") + " and " + texts[last]
	}
	return strings.Join(texts, "")
}
