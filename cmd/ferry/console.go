// The web console: of ferry serve, of ferry dev, and the logins of the first.

package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os/user"
	"strings"

	"ferry/internal/console"
	"ferry/internal/gateway"
	"ferry/internal/local"
	"ferry/internal/secret"
	"ferry/internal/state"
)

// consoleFlags say where the console of ferry serve is.
type consoleFlags struct {
	ConsoleListen string `help:"Address of the web console, such as 127.0.0.1:4083; 'ferry console login' lets people in. Default: there is no console." placeholder:"HOST:PORT" group:"Console"`
	ConsoleURL    string `name:"console-url" help:"URL by which browsers reach the console, if it is not http:// and --console-listen: through a proxy, or with --tls-cert. Browsers keep logins only for https and for this machine." placeholder:"URL" group:"Console"`
}

// trustFlags say which proxies name the people who use the console.
type trustFlags struct {
	ConsoleTrustHeader string   `help:"Header in which a proxy in front of the console names the person, such as X-Forwarded-User, when it has identified them (OpenID Connect). The proxy must remove the header from what it receives." placeholder:"NAME" group:"Console"`
	ConsoleTrustProxy  []string `help:"Address or network of a proxy that may send this header, such as 10.0.0.7 or 10.1.0.0/24. May be repeated. Requests from elsewhere that have the header are refused." placeholder:"CIDR" group:"Console"`
	ConsoleTrustRole   string   `help:"What these people may do: viewer, operator or admin. Default: ${default}." enum:"viewer,operator,admin" default:"viewer" group:"Console"`
}

// trust returns which proxies the console trusts.
func (f trustFlags) trust() (console.Trust, error) {
	trust := console.Trust{Header: f.ConsoleTrustHeader}
	var problems []error
	var err error
	if trust.Proxies, err = networks("console-trust-proxy", f.ConsoleTrustProxy); err != nil {
		problems = append(problems, err)
	}
	if trust.Header != "" || len(trust.Proxies) > 0 {
		trust.Role = f.ConsoleTrustRole
	}
	if len(problems) == 0 {
		if err := trust.Check(); err != nil {
			problems = append(problems, fmt.Errorf("--console-trust-header, --console-trust-proxy: %w", err))
		}
	}
	return trust, errors.Join(problems...)
}

// networks reads the addresses and networks of a flag.
func networks(flag string, texts []string) (list []netip.Prefix, err error) {
	var problems []error
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if address, addressErr := netip.ParseAddr(text); addressErr == nil && address.Zone() == "" {
			network, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("--%s is %q; expected an address or a network such as 10.0.0.7 or 10.1.0.0/24", flag, text))
			continue
		}
		list = append(list, network)
	}
	return list, errors.Join(problems...)
}

// origin returns scheme://host[:port] of the console for browsers.
func (f consoleFlags) origin() (*url.URL, error) {
	text := f.ConsoleURL
	if text == "" {
		host, port, err := net.SplitHostPort(f.ConsoleListen)
		if err != nil {
			return nil, fmt.Errorf("--console-listen is %q; expected HOST:PORT, such as 127.0.0.1:4083", f.ConsoleListen)
		}
		if address, err := netip.ParseAddr(host); host == "" || err == nil && address.IsUnspecified() {
			host = "localhost"
		}
		text = "http://" + net.JoinHostPort(host, port)
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("--console-url is %q; expected scheme://host or scheme://host:port, such as https://ferry.example.com", f.ConsoleURL)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// check returns what is wrong with the flags of a server, with or without a certificate.
func (f consoleFlags) check(hasCertificate bool, trusted trustFlags) error {
	trust, err := trusted.trust()
	switch {
	case err != nil:
		return err
	case f.ConsoleListen == "" && trust.Header != "":
		return errors.New("--console-trust-header is set, and --console-listen is not; set both for a console, or none")
	case f.ConsoleListen == "" && f.ConsoleURL == "":
		return nil
	case f.ConsoleListen == "":
		return errors.New("--console-url is set, and --console-listen is not; set both for a console, or none")
	}
	u, err := f.origin()
	if err == nil && hasCertificate && u.Scheme != "https" {
		err = errors.New("the console has the certificate of --tls-cert: set --console-url https://NAME:PORT, with a name in the certificate")
	}
	return err
}

// addConsole adds the console to the configuration of a server, and lets browsers reach
// it under its URL.
func (c *serveCommand) addConsole(config *gateway.Config) error {
	hosts, origins := c.Host, []string(nil)
	if c.ConsoleListen != "" {
		u, err := c.origin()
		if err != nil {
			return err
		}
		listener, err := net.Listen("tcp", c.ConsoleListen)
		if err != nil {
			return fmt.Errorf("--console-listen: %w", err)
		}
		if err := c.checkPlainHTTP("console-listen", c.ConsoleListen, listener); err != nil {
			return errors.Join(err, listener.Close())
		}
		hosts, origins = append(hosts, u.Hostname()), []string{u.String()}
		trust, _ := c.trust() // check has reported what is wrong with it
		config.Parts = append(config.Parts, gateway.Part{Name: "console", Listener: listener, SharesTLS: true, Open: func(g *gateway.Gateway) (http.Handler, error) {
			return console.New(console.Config{
				State: g.State(), Activity: g.Activity(), Gateway: g, Sources: journalOf(g), NeedsLogin: true, Trust: trust, Origins: origins, Logger: config.Logger,
			})
		}})
	}
	var err error
	config.Access, err = gateway.NewAccess(hosts, origins)
	return err
}

// consoleListener returns the listener of the console, nil if there is none.
func consoleListener(config gateway.Config) net.Listener {
	for _, part := range config.Parts {
		return part.Listener
	}
	return nil
}

// consoleAt returns the address of the console, for the log.
func consoleAt(config gateway.Config) string {
	if listener := consoleListener(config); listener != nil {
		return listener.Addr().String()
	}
	return "off (no --console-listen)"
}

// journalOf returns the journal as what the stream of the console reports about.
func journalOf(g *gateway.Gateway) map[string]console.Source {
	return map[string]console.Source{"journal": g.Journal()}
}

// devConsole returns what makes the console of ferry dev, and the URL to open. On an
// address that others reach, the URL has a token that logs in while the process runs: a
// database in memory is out of reach of 'ferry console login'.
func (c *devCommand) devConsole(terminal *terminal) (make func(*local.World, *gateway.Gateway) (http.Handler, error), open func(*local.World) string) {
	var token secret.Secret
	if listen, err := netip.ParseAddr(c.ListenHost); err == nil && !listen.IsLoopback() {
		token = secret.New(rand.Text())
	}
	make = func(w *local.World, g *gateway.Gateway) (http.Handler, error) {
		return console.New(console.Config{
			State: g.State(), Activity: g.Activity(), Gateway: g, Sources: journalOf(g), Simulator: w.Simulator, World: w, Sample: local.Sample(), NeedsLogin: !token.IsZero(), Token: token, Origins: c.AllowOrigin, Logger: terminal.log,
		})
	}
	return make, func(w *local.World) string {
		if token.IsZero() {
			return w.ConsoleURL
		}
		return w.ConsoleURL + "/login?token=" + token.Reveal()
	}
}

type consoleCommands struct {
	Login consoleLoginCommand `cmd:"" help:"Print a link that logs in to the web console of the server, once and within a minute."`
}

type consoleLoginCommand struct {
	stateFlags
	consoleFlags
	Role string `help:"What the person may do: viewer (look), operator (deliver events again, hold and discard them), admin (everything). Default: ${default}." enum:"viewer,operator,admin" default:"admin"`
	Name string `help:"Name of the person, for the record of what they do. Default: the user who runs this command." placeholder:"NAME"`
}

// Run makes a login and prints its link.
func (c *consoleLoginCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.ConsoleListen == "" && c.ConsoleURL == "" {
		return errors.New("set --console-url, or --console-listen, as for 'ferry serve': the link begins with it")
	}
	u, err := c.origin()
	if err != nil {
		return err
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	name := c.Name
	if current, err := user.Current(); err == nil {
		name = cmp.Or(name, current.Username)
	}
	token, err := db.AddConsoleLogin(ctx, state.ConsoleUser{Name: cmp.Or(name, "unknown"), Role: c.Role})
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	u.Path, u.RawQuery = "/login", url.Values{"token": {token.Reveal()}}.Encode()
	_ = terminal.err.Printf("The link logs in once, within a minute, with the role %s.\n", c.Role)
	return terminal.out.Printf("%s\n", u)
}
