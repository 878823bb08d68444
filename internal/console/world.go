// The controls of the simulator: faults, the clock, webhooks, and a new beginning.

package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/metasim"
)

const (
	maxTried    = 50 // requests of a dry run that are shown
	maxWebhooks = 30 // that are shown
)

// worldPage has the controls.
type worldPage struct {
	Faults     []faultRow
	Operations []metasim.Operation
	Presets    []preset
	Clock      metasim.Clock
	Delivery   metasim.WebhookDelivery
	DelayMS    int64
	Apps       []metasim.AppWebhook
	Webhooks   []webhookRow
	Queued     int
	History    int
	Tried      *tried
	Tokens     []metasim.TokenExpiry
	Saves      bool // the world can be saved and loaded
	SeedDir    string
}

type faultRow struct {
	metasim.Fault
	Does string
	JSON string
}

type webhookRow struct {
	metasim.Webhook
	Last metasim.WebhookAttempt
}

// tried is a dry run of a fault against the history.
type tried struct {
	JSON     string
	Requests []metasim.Request
	Total    int
}

// A preset is a fault that many programs should survive.
type preset struct{ Name, JSON string }

var presets = []preset{
	{"Token expired", `{"error_code":190}`},
	{"Rate limit of uploads", `{"operation":"upload","error_code":80007,"times":3}`},
	{"Upload fails twice", `{"operation":"upload","error_code":131016,"times":2}`},
	{"Connection cut at 64 KiB", `{"operation":"upload","cut_after_bytes":65536,"times":1}`},
	{"Uploaded, answer lost", `{"operation":"upload","lose_answer":true,"times":1}`},
	{"Message sent, answer lost", `{"operation":"send_message","lose_answer":true,"times":1}`},
	{"Message not delivered later", `{"operation":"send_message","fail_later":131049,"times":1}`},
	{"One request in ten is slow", `{"latency_ms":2000,"probability":0.1}`},
	{"Line of 1 MiB/s", `{"operation":"upload","bandwidth_bytes_per_second":1048576}`},
	{"HTML in place of JSON", `{"operation":"upload","body":"<html>Sorry, something went wrong.</html>","status":502,"times":1}`},
}

func (c *Console) routeSimulator() {
	c.page(navItem{"/world", "World", "w"}, viewer, func(w http.ResponseWriter, r *request) { c.render(w, r, "world", c.world(nil)) })
	c.mux.HandleFunc("POST /world/faults/try", c.forRole(viewer, c.tryFault))
	c.action("/world/faults", "AddFault", admin, c.addFault)
	c.action("/world/faults/remove", "RemoveFault", admin, c.removeFault)
	c.action("/world/clock", "ChangeClock", admin, c.changeClock)
	c.action("/world/webhooks", "SetWebhookDelivery", admin, c.setDelivery)
	c.action("/world/callback", "SetCallback", admin, c.setCallback)
	c.action("/world/tokens", "ExpireToken", admin, c.expireToken)
	c.routeWorldFile()
	c.routeTest()
	c.action("/world/reset", "ResetWorld", admin, c.reset)
}

func (c *Console) world(dryRun *tried) worldPage {
	sim := c.config.Simulator
	page := worldPage{
		Operations: metasim.Operations(), Presets: presets, Clock: sim.Clock(), Delivery: sim.WebhookDelivery(), Apps: sim.AppWebhooks(),
		History: len(sim.Requests()), Tried: dryRun, Tokens: sim.TokenExpiries(), Saves: c.config.World != nil,
	}
	if c.config.World != nil {
		page.SeedDir = c.config.World.SeedDir()
	}
	page.DelayMS = page.Delivery.Delay.Milliseconds()
	for _, f := range sim.Faults() {
		page.Faults = append(page.Faults, faultRow{f, describe(f), compact(f)})
	}
	history := sim.Webhooks()
	page.Queued = history.Queued
	slices.Reverse(history.Webhooks)
	for _, hook := range history.Webhooks[:min(len(history.Webhooks), maxWebhooks)] {
		row := webhookRow{Webhook: hook}
		if n := len(hook.Attempts); n > 0 {
			row.Last = hook.Attempts[n-1]
		}
		page.Webhooks = append(page.Webhooks, row)
	}
	return page
}

// compact returns a fault as JSON without the members that say nothing.
func compact(f metasim.Fault) string {
	text, err := json.Marshal(f)
	var members map[string]any
	if err != nil || json.Unmarshal(text, &members) != nil {
		return ""
	}
	for name, value := range members {
		if value == "" || value == 0.0 || value == false || name == "id" || name == "matched" || name == "applied" {
			delete(members, name)
		}
	}
	text, _ = json.Marshal(members)
	return string(text)
}

// describe says in words what a fault does.
func describe(f metasim.Fault) string {
	var does []string
	say := func(ok bool, format string, args ...any) {
		if ok {
			does = append(does, fmt.Sprintf(format, args...))
		}
	}
	say(f.ErrorCode != 0, "responds with error %d", f.ErrorCode)
	say(f.ErrorCode == 0 && f.Status != 0, "responds with status %d", f.Status)
	say(f.Body != "", "responds with a body of %d bytes", len(f.Body))
	say(f.CutAfterBytes > 0, "cuts the connection after %d bytes", f.CutAfterBytes)
	say(f.CutAfterBytes < 0, "cuts the connection at once")
	say(f.LoseAnswer, "carries it out and loses the answer")
	say(f.FailLater != 0, "lets the message fail later with %d", f.FailLater)
	say(f.Latency > 0, "waits %v", f.Latency)
	say(f.BandwidthBytesPerSecond > 0, "limits the line to %d bytes/s", f.BandwidthBytesPerSecond)
	say(f.Probability > 0 && f.Probability < 1, "for %.3g %% of the requests", f.Probability*100)
	say(f.Skip > 0, "after %d requests", f.Skip)
	say(f.Times > 0, "%d times", f.Times)
	return strings.Join(does, ", ")
}

// faultOf returns the fault of a form: of its text, if there is one, or of its fields.
func faultOf(r *request) (f metasim.Fault, err error) {
	if text := r.field("json"); text != "" {
		f, err = metasim.ParseFault([]byte(text))
		return f, simulated(err)
	}
	f.Operation, f.Body, f.LoseAnswer = metasim.Operation(r.field("operation")), r.field("body"), r.field("lose_answer") != ""
	for name, to := range map[string]*int{"error_code": &f.ErrorCode, "status": &f.Status, "fail_later": &f.FailLater, "times": &f.Times, "skip": &f.Skip} {
		if *to, err = r.number(name); err != nil {
			return f, err
		}
	}
	cut, err := r.number("cut_after_bytes")
	if err != nil {
		return f, err
	}
	rate, err := r.number("bandwidth_bytes_per_second")
	if err != nil {
		return f, err
	}
	latency, err := r.number("latency_ms")
	if err != nil {
		return f, err
	}
	f.CutAfterBytes, f.BandwidthBytesPerSecond, f.Latency = int64(cut), int64(rate), time.Duration(latency)*time.Millisecond
	if text := r.field("probability"); text != "" {
		if f.Probability, err = strconv.ParseFloat(text, 64); err != nil {
			return f, invalid("probability is %.40q; expected a number from 0 to 1.", text)
		}
	}
	return f, nil
}

// tryFault shows which requests of the history a fault would have matched.
func (c *Console) tryFault(w http.ResponseWriter, r *request) {
	err := r.parse(w)
	var f metasim.Fault
	if err == nil {
		f, err = faultOf(r)
	}
	var matched []metasim.Request
	if err == nil {
		matched, err = c.config.Simulator.DryRunFault(f)
		err = simulated(err)
	}
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	total := len(matched)
	matched = matched[max(0, total-maxTried):]
	slices.Reverse(matched)
	c.render(w, r, "world", c.world(&tried{compact(f), matched, total}))
}

func (c *Console) addFault(r *request) (done, error) {
	f, err := faultOf(r)
	if err != nil {
		return done{}, err
	}
	added, err := c.config.Simulator.AddFault(f)
	return done{To: "/world", Text: added.ID + ": " + compact(added)}, simulated(err)
}

func (c *Console) removeFault(r *request) (done, error) {
	id := r.field("id")
	if id == "" {
		n := len(c.config.Simulator.Faults())
		c.config.Simulator.ClearFaults()
		return done{To: "/world", Text: fmt.Sprintf("%d faults → 0", n)}, nil
	}
	if !c.config.Simulator.RemoveFault(id) {
		return done{}, notFound("fault", id)
	}
	return done{To: "/world", Text: id}, nil
}

// maxAdvance is how far the clock can be moved at once.
const maxAdvance = 10 * 365 * 24 * time.Hour

func (c *Console) changeClock(r *request) (done, error) {
	sim := c.config.Simulator
	before := sim.Clock()
	var err error
	switch what := r.field("do"); what {
	case "stop":
		_, err = sim.StopClock()
	case "run":
		speed := 1.0
		if text := strings.TrimSuffix(r.field("speed"), "x"); text != "" {
			if speed, err = strconv.ParseFloat(text, 64); err != nil {
				return done{}, invalid("The speed is %.40q; expected a number such as 60, or 60x.", r.field("speed"))
			}
		}
		_, err = sim.RunClockAt(speed)
	case "advance":
		var by time.Duration
		if by, err = r.duration("by"); err != nil {
			return done{}, err
		}
		if by <= 0 || by > maxAdvance {
			return done{}, invalid("The time is %v; expected more than 0 and at most %v.", by, maxAdvance)
		}
		_, err = sim.AdvanceClock(by)
	case "set":
		var to time.Time
		if to, err = time.Parse("2006-01-02T15:04", r.field("to")); err != nil {
			return done{}, invalid("The time is %.40q; expected a date and a time such as 2027-01-01T08:00.", r.field("to"))
		}
		_, err = sim.SetClock(to)
	default:
		return done{}, invalid("The change of the clock is %.40q; expected stop, run, advance or set.", what)
	}
	after := sim.Clock()
	return done{To: "/world", Text: clockText(before) + " → " + clockText(after)}, simulated(err)
}

// clockText says how a clock is.
func clockText(c metasim.Clock) string {
	text := c.Time.UTC().Format(time.RFC3339) + " running " + yesNo(c.Running)
	if c.Running && c.Speed != 1 {
		text += fmt.Sprintf(" at %gx", c.Speed)
	}
	return text
}

// expireToken lets the access token of an account expire, or makes it valid again.
func (c *Console) expireToken(r *request) (done, error) {
	var at time.Time
	text := "never"
	switch what := r.field("do"); what {
	case "expire":
		after, err := r.duration("after")
		if err != nil {
			return done{}, err
		}
		if after < 0 || after > maxAdvance {
			return done{}, invalid("The time is %v; expected 0s to %v.", after, maxAdvance)
		}
		at = c.config.Simulator.Now().Add(after)
		text = at.UTC().Format(time.RFC3339)
	case "renew":
	default:
		return done{}, invalid("The change of the token is %.40q; expected expire or renew.", what)
	}
	account := r.field("account")
	err := c.config.Simulator.ExpireToken(account, at)
	return done{To: "/world", Text: "the token of " + account + " expires: " + text}, simulated(err)
}

func (c *Console) setDelivery(r *request) (done, error) {
	before := c.config.Simulator.WebhookDelivery()
	d := metasim.WebhookDelivery{Signature: r.field("signature"), OldSecret: r.field("old_secret")}
	var err error
	for name, to := range map[string]*int{"batch_size": &d.BatchSize, "times": &d.Times} {
		if *to, err = r.number(name); err != nil {
			return done{}, err
		}
	}
	for name, to := range map[string]*float64{"duplicate": &d.Duplicate, "lose": &d.Lose, "disorder": &d.Disorder} {
		if text := r.field(name); text != "" {
			if *to, err = strconv.ParseFloat(text, 64); err != nil {
				return done{}, invalid("%s is %.40q; expected a number from 0 to 1.", name, text)
			}
		}
	}
	delay, err := r.number("delay_ms")
	if err != nil {
		return done{}, err
	}
	d.Delay = time.Duration(delay) * time.Millisecond
	err = c.config.Simulator.SetWebhookDelivery(d)
	old, _ := json.Marshal(before)
	d.OldSecret = ""
	changed, _ := json.Marshal(d)
	return done{To: "/world", Text: string(old) + " → " + string(changed)}, simulated(err)
}

func (c *Console) setCallback(r *request) (done, error) {
	to := r.field("url")
	err := c.config.Simulator.SetAppWebhook(r.Context(), r.field("app_id"), to, r.field("verify_token"))
	return done{To: "/world", Text: r.field("app_id") + " → " + to}, simulated(err)
}

func (c *Console) reset(r *request) (done, error) {
	if r.field("sure") == "" {
		return done{}, invalid("Nothing was reset: the box that confirms it is not ticked.")
	}
	messages := len(c.config.Simulator.Messages())
	if c.config.World == nil {
		c.config.Simulator.Reset()
	} else if err := c.config.World.Reset(r.Context()); err != nil {
		return done{}, err
	}
	return done{To: "/world", Text: fmt.Sprintf("%d messages → 0", messages)}, nil
}
