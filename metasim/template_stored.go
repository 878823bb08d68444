package metasim

import (
	"fmt"
	"maps"
	"strings"
)

// What Meta makes of the components of a template: how reads return them.

// presetTexts are the texts of authentication templates, in the simulator's words. A
// language without its own has the English ones.
type presetTexts struct {
	body, security, expiry, button, autofill string
}

var presets = map[string]presetTexts{
	"en": {"*{{1}}* is your verification code.", " For your security, do not share this code.", "This code expires in %v minutes.", "Copy code", "Autofill"},
	"es": {"Tu código de verificación es *{{1}}*.", " Por tu seguridad, no lo compartas.", "Este código caduca en %v minutos.", "Copiar código", "Autocompletar"},
	"pt": {"Seu código de verificação é *{{1}}*.", " Para sua segurança, não o compartilhe.", "Este código expira em %v minutos.", "Copiar código", "Preencher automaticamente"},
}

func presetsOf(language string) presetTexts {
	base, _, _ := strings.Cut(language, "_")
	if texts, ok := presets[base]; ok {
		return texts
	}
	return presets["en"]
}

// stored returns the components as reads return them.
func (g *grammar) stored(language string, random *randomSource) []map[string]any {
	return g.storedParts(g.parts, language, random)
}

func (g *grammar) storedParts(parts []draftPart, language string, random *randomSource) []map[string]any {
	list := make([]map[string]any, 0, len(parts))
	for _, p := range parts {
		fields := maps.Clone(p.fields)
		switch {
		case g.category == "AUTHENTICATION":
			presetsOf(language).fill(p, fields)
		case p.kind == "HEADER" && headerTypes[p.format] != nil:
			fields["example"] = map[string]any{"header_handle": []string{sampleURL(p.format, random)}}
		case p.kind == "BODY" || p.kind == "HEADER":
			normaliseExample(fields)
		}
		if p.kind == "BUTTONS" && g.category != "AUTHENTICATION" {
			fields["buttons"] = storedButtons(p.buttons)
		}
		if p.kind == "CAROUSEL" {
			cards := make([]map[string]any, len(p.cards))
			for i, card := range p.cards {
				cards[i] = map[string]any{"components": g.storedParts(card, language, random)}
			}
			fields["cards"] = cards
		}
		list = append(list, fields)
	}
	return list
}

// fill sets the texts of a component of an authentication template. The button is a URL.
func (t presetTexts) fill(p draftPart, fields map[string]any) {
	switch p.kind {
	case "BODY":
		body := t.body
		if yes, _ := boolean(scalar(fields["add_security_recommendation"])); yes {
			body += t.security
		}
		fields["text"], fields["example"] = body, map[string]any{"body_text": [][]string{{"123456"}}}
	case "FOOTER":
		if minutes, ok := fields["code_expiration_minutes"]; ok {
			fields["text"] = fmt.Sprintf(t.expiry, minutes)
		}
	case "BUTTONS":
		b := p.buttons[0]
		label := text(b.fields["text"])
		if label == "" {
			label = t.button
		}
		address := fmt.Sprintf("https://www.whatsapp.com/otp/code/?otp_type=%s&code=otp", b.fields["otp_type"])
		fields["buttons"] = []map[string]any{{"type": "URL", "text": label, "url": address + "{{1}}", "example": []string{address + "123456"}}}
	}
}

// storedButtons gives buttons the labels that Meta chooses.
func storedButtons(buttons []draftButton) []map[string]any {
	list := make([]map[string]any, len(buttons))
	for i, b := range buttons {
		list[i] = maps.Clone(b.fields)
		if label := fixedLabels[b.kind]; label != "" {
			list[i]["text"] = label
		}
		if texts := exampleTexts(b.fields["example"]); len(texts) > 0 {
			list[i]["example"] = texts
		}
	}
	return list
}

// normaliseExample puts examples that need not be in lists into lists.
func normaliseExample(fields map[string]any) {
	example, _ := fields["example"].(map[string]any)
	if one := text(example["header_text"]); one != "" {
		fields["example"] = map[string]any{"header_text": []string{one}}
	}
	switch v := example["body_text"].(type) {
	case string:
		fields["example"] = map[string]any{"body_text": [][]string{{v}}}
	case []any:
		if len(v) == 1 && text(v[0]) != "" {
			fields["example"] = map[string]any{"body_text": []any{v}}
		}
	}
}

// sampleURL is where Meta's copy of the sample of a header would be. The simulator does
// not serve it.
func sampleURL(format string, random *randomSource) string {
	extension := map[string]string{"IMAGE": "jpg", "DOCUMENT": "pdf"}[format]
	if extension == "" {
		extension = "mp4"
	}
	return "https://scontent.whatsapp.net/v/t61.29466-34/" + random.digits(15) + "_n." + extension + "?ccb=1-7&_nc_sid=8b1bef"
}
