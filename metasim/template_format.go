package metasim

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// lengths checks the lengths of texts.
func (g *grammar) lengths(p draftPart, card string) *apiError {
	offer := g.has("LIMITED_TIME_OFFER", "")
	limit := map[string]int{"HEADER": maxRenderedHeader, "BODY": maxRenderedBody, "FOOTER": 60}[p.kind]
	switch {
	case p.kind == "BODY" && (card != "" || g.has("HEADER", "PRODUCT")):
		limit = maxTemplateCardBody
	case p.kind == "BODY" && offer:
		limit = maxOfferBody
	}
	if refusal := checkLength(p.kind, text(p.fields["text"]), limit); refusal != nil {
		return refusal
	}
	value, _ := p.fields["limited_time_offer"].(map[string]any)
	if refusal := checkLength("LIMITED_TIME_OFFER", text(value["text"]), maxOfferText); refusal != nil {
		return refusal
	}
	coupon := maxCouponExample
	if offer {
		coupon = maxOfferCoupon
	}
	for _, b := range p.buttons {
		for _, one := range []struct {
			what, value string
			limit       int
		}{
			{"Button text", text(b.fields["text"]), buttonRules[b.kind].label},
			{"autofill_text", text(b.fields["autofill_text"]), maxLabel},
			{"Button URL", text(b.fields["url"]), maxURLLength},
			{"Button phone number", text(b.fields["phone_number"]), maxPhoneLength},
			{"COPY_CODE example", couponOf(b), coupon},
		} {
			if refusal := checkLength(one.what, one.value, one.limit); refusal != nil {
				return refusal
			}
		}
	}
	return nil
}

func checkLength(what, value string, limit int) *apiError {
	if limit > 0 && characters(value) > limit {
		return refuseTemplate(templateTooLong, what, limit)
	}
	return nil
}

// couponOf returns the example of a button with a code to copy.
func couponOf(b draftButton) string {
	if texts := exampleTexts(b.fields["example"]); b.kind == "COPY_CODE" && len(texts) > 0 {
		return texts[0]
	}
	return ""
}

// has reports whether the template has a component, outside of cards, of a format if one
// is named.
func (g *grammar) has(kind, format string) bool {
	return slices.ContainsFunc(g.parts, func(p draftPart) bool { return p.kind == kind && (format == "" || p.format == format) })
}

// texts checks the format of a header, a body and a footer.
func (g *grammar) texts(p draftPart, card string) *apiError {
	value := text(p.fields["text"])
	switch {
	case p.kind == "HEADER" && hasFormatting(placeholder.ReplaceAllString(value, "")):
		return refuseTemplate(templateBadText, "Message header can't have any new lines, formatting characters, emojis or asterisks.")
	case p.kind == "HEADER" && len(placeholders(value)) > 1:
		return refuseTemplate(templateBadText, "Message header can have one variable.")
	case p.kind == "HEADER" && g.has("LIMITED_TIME_OFFER", "") && p.format != "IMAGE" && p.format != "VIDEO":
		return refuseTemplate(templateBadText, "The header of a limited-time offer is an image or a video.")
	case p.kind == "HEADER" && card != "" && !hasWord("IMAGE VIDEO PRODUCT", p.format):
		return refuseTemplate(templateBadText, "The header of a card is an image, a video or a product.")
	case p.kind == "FOOTER" && len(placeholders(value)) > 0:
		return refuseTemplate(templateBadFooter, "Message footer can't have variables.")
	case p.kind == "FOOTER" && strings.ContainsAny(value, "\r\n"):
		return refuseTemplate(templateBadFooter, "Message footer can't have new lines.")
	case p.kind == "FOOTER" && p.fields["code_expiration_minutes"] != nil:
		if n, _ := number(p.fields["code_expiration_minutes"]); !(n >= 1 && n <= maxCodeMinutes) {
			return parameterError("Param %s must be a number from 1 to %d.", memberPath(p.path, "code_expiration_minutes"), maxCodeMinutes)
		}
	}
	if p.kind == "HEADER" || p.kind == "BODY" {
		if wrong := wrongVariables(value, g.format); wrong != "" {
			return refuseTemplate(templateBadText, wrong)
		}
	}
	return nil
}

// hasFormatting reports whether a text has what headers and labels cannot have.
func hasFormatting(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool {
		return strings.ContainsRune("\r\n\t*_~`", r) || r > unicode.MaxLatin1 && (unicode.Is(unicode.So, r) || unicode.Is(unicode.Sk, r))
	})
}

// buttonsOf checks the buttons of a template or of a card.
func (g *grammar) buttonsOf(p draftPart, card string) *apiError {
	if p.kind != "BUTTONS" {
		return nil
	}
	most := maxTemplateButtons
	if card != "" {
		most = maxCardButtons
	}
	switch {
	case len(p.buttons) == 0 || len(p.buttons) > most:
		return refuseTemplate(templateBadButton, "The number of buttons is not in the allowed range.")
	case g.category == "AUTHENTICATION" && len(p.buttons) != 1:
		return refuseTemplate(templateBadButton, "An authentication template has one button.")
	case !repliesTogether(p.buttons):
		return refuseTemplate(templateBadButton, "Quick replies must stand together, before or after the other buttons.")
	case g.offersCodeAfterURL(p.buttons):
		return refuseTemplate(templateBadButton, "In a limited-time offer, the button with the code is the first, and that with the URL the second.")
	}
	count := map[string]int{}
	for _, b := range p.buttons {
		if count[b.kind]++; count[b.kind] > buttonRules[b.kind].most {
			return refuseTemplate(templateBadButton, "There are too many buttons of type "+b.kind+".")
		}
		if label := text(b.fields["text"]); hasFormatting(label) || len(placeholders(label)) > 0 {
			return refuseTemplate(templateBadButton, "Buttons can't have any variables, newlines, emojis or formatting characters.")
		}
		if check := buttonChecks[b.kind]; check != nil {
			if refusal := check(b); refusal != nil {
				return refusal
			}
		}
	}
	return nil
}

// repliesTogether reports whether quick replies stand together at one end.
func repliesTogether(buttons []draftButton) bool {
	changes := 0
	for i := 1; i < len(buttons); i++ {
		if (buttons[i].kind == "QUICK_REPLY") != (buttons[i-1].kind == "QUICK_REPLY") {
			changes++
		}
	}
	return changes <= 1
}

func (g *grammar) offersCodeAfterURL(buttons []draftButton) bool {
	of := func(kind string) int {
		return slices.IndexFunc(buttons, func(b draftButton) bool { return b.kind == kind })
	}
	return g.has("LIMITED_TIME_OFFER", "") && of("COPY_CODE") >= 0 && of("URL") >= 0 && of("URL") != 1
}

// buttonChecks are the checks of one button, by type.
var buttonChecks = map[string]func(draftButton) *apiError{
	"URL": checkButtonURL,
	"PHONE_NUMBER": func(b draftButton) *apiError {
		if given := text(b.fields["phone_number"]); !phoneNumber.MatchString(given) || len(digits(given)) < 7 || len(digits(given)) > 15 {
			return invalidNumber(memberPath(b.path, "phone_number"))
		}
		return nil
	},
	"FLOW": func(b draftButton) *apiError {
		given := 0
		for _, name := range []string{"flow_id", "flow_name", "flow_json"} {
			if value := b.fields[name]; value != nil && value != "" {
				given++
			}
		}
		switch {
		case given != 1:
			return refuseTemplate(templateBadButton, "A button of type FLOW has exactly one of flow_id, flow_name and flow_json.")
		case b.fields["flow_action"] == "NAVIGATE" && text(b.fields["navigate_screen"]) == "":
			return refuseTemplate(templateBadButton, "A button of type FLOW with the action navigate has a navigate_screen.")
		}
		return nil
	},
	"VOICE_CALL": func(b draftButton) *apiError {
		if minutes, ok := b.fields["ttl_minutes"]; ok {
			if n, _ := number(minutes); !(n >= 1440 && n <= 43_200) {
				return parameterError("Param %s must be a number from 1440 to 43200.", memberPath(b.path, "ttl_minutes"))
			}
		}
		return nil
	},
	"OTP": checkOTP,
}

var (
	phoneNumber = regexp.MustCompile(`^\+?[0-9][0-9 ().-]*$`)
	packageName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+$`)
	signed      = regexp.MustCompile(`^[A-Za-z0-9+/=]{11}$`)
)

// checkButtonURL checks the URL of a button, which may have one variable at its end.
func checkButtonURL(b draftButton) *apiError {
	given := text(b.fields["url"])
	u, err := url.Parse(placeholder.ReplaceAllString(given, "x"))
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return parameterError("Param %s is not a valid URI.", memberPath(b.path, "url"))
	}
	host := "." + strings.ToLower(u.Hostname())
	if strings.HasSuffix(host, ".wa.me") || strings.HasSuffix(host, ".whatsapp.com") {
		return refuseTemplate(templateLinkRefused)
	}
	if all := placeholder.FindAllStringIndex(given, -1); len(all) > 1 || len(all) == 1 && all[0][1] != len(given) {
		return refuseTemplate(templateBadButton, "The URL of a button can have one variable, at its end.")
	}
	return nil
}

// supportedApps returns the apps of the button of a one-time password, whose older form
// has one app as members of the button.
func supportedApps(b draftButton) []map[string]any {
	if apps := objects(b.fields["supported_apps"]); len(apps) > 0 || b.fields["package_name"] == nil {
		return apps
	}
	return []map[string]any{{"package_name": b.fields["package_name"], "signature_hash": b.fields["signature_hash"]}}
}

func checkOTP(b draftButton) *apiError {
	apps := supportedApps(b)
	if len(apps) > maxSupportedApps {
		return parameterError("Param %s must have from 1 to %d elements.", memberPath(b.path, "supported_apps"), maxSupportedApps)
	}
	for i, app := range apps {
		at := elementPath(memberPath(b.path, "supported_apps"), i)
		if name := text(app["package_name"]); !packageName.MatchString(name) || len(name) > maxPackageName {
			return parameterError("Param %s is not a valid package name.", memberPath(at, "package_name"))
		}
		if !signed.MatchString(text(app["signature_hash"])) {
			return parameterError("Param %s must have %d characters of letters, digits, +, / and =.", memberPath(at, "signature_hash"), signatureLength)
		}
	}
	if accepted, _ := boolean(scalar(b.fields["zero_tap_terms_accepted"])); b.fields["otp_type"] == "ZERO_TAP" && !accepted {
		return parameterError("Param %s must be true.", memberPath(b.path, "zero_tap_terms_accepted"))
	}
	return nil
}

// variables checks where variables are, and how many there are for the length.
func (g *grammar) variables() *apiError {
	refusal := g.each(func(p draftPart, _ string) *apiError {
		if p.kind == "BODY" && beginsOrEndsWithVariable(text(p.fields["text"])) {
			return refuseTemplate(templateEdgeVariables)
		}
		return nil
	})
	if refusal != nil {
		return refusal
	}
	return g.each(func(p draftPart, _ string) *apiError {
		if p.kind == "BODY" && hasTooManyVariables(text(p.fields["text"])) {
			return refuseTemplate(templateManyVariables)
		}
		return nil
	})
}
