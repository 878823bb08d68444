// The business profile of a phone number (docs/references.md#graph-phone-numbers).

package metasim

import (
	"net/url"
	"strings"
)

// profile is what a business says about itself. Empty means nothing.
type profile struct {
	About       string   `json:"about,omitempty"`
	Address     string   `json:"address,omitempty"`
	Description string   `json:"description,omitempty"`
	Email       string   `json:"email,omitempty"`
	Vertical    string   `json:"vertical,omitempty"`
	Websites    []string `json:"websites,omitempty"`
	Picture     string   `json:"picture,omitempty"` // handle of a resumable upload
}

// verticals are the kinds of business.
var verticals = []string{"ALCOHOL", "APPAREL", "AUTO", "BEAUTY", "EDU", "ENTERTAIN", "EVENT_PLAN", "FINANCE", "GOVT", "GROCERY", "HEALTH",
	"HOTEL", "MATRIMONY_SERVICE", "NONPROFIT", "NOT_A_BIZ", "ONLINE_GAMBLING", "OTC_DRUGS", "OTHER", "PHYSICAL_GAMBLING", "PROF_SERVICES",
	"RESTAURANT", "RETAIL", "TRAVEL", "UNDEFINED"}

const (
	maxWebsites = 2
	maxWebsite  = 256 // characters
)

// profileTexts are the texts of a profile and their maximum length in characters.
var profileTexts = map[string]int{"about": 139, "address": 256, "description": 512, "email": 128}

var profileOperations = []operation{
	{name: OperationUpdateProfile, method: "POST", pattern: "/{version}/{phone_number}/whatsapp_business_profile", auth: ownersToken, serve: (*Server).updateProfile,
		parameters: []string{"messaging_product", "about", "address", "description", "email", "vertical", "websites", "profile_picture_handle"}, place: inBody},
}

// businessProfile is the profile of a number: Meta returns what is set, and the product.
func (p *phone) businessProfile() edge {
	var is profile
	if p.row != nil && p.row.Profile != nil {
		is = *p.row.Profile
	}
	fields := map[string]any{
		"messaging_product": "whatsapp", "about": orNil(is.About), "address": orNil(is.Address), "description": orNil(is.Description),
		"email": orNil(is.Email), "profile_picture_url": nil, "vertical": orText(is.Vertical, "UNDEFINED"), "websites": nil,
	}
	if len(is.Websites) > 0 {
		fields["websites"] = is.Websites
	}
	if is.Picture != "" {
		fields["profile_picture_url"] = "https://pps.whatsapp.net/v/" + p.ID + "/picture.jpg"
	}
	return edge{rows: []node{{kind: "WhatsAppBusinessProfile", defaults: []string{"messaging_product"}, fields: fields}}}
}

// updateProfile changes what a request has. The rest stays.
func (s *Server) updateProfile(c *call) (any, *apiError) {
	product, ok := c.parameters["messaging_product"]
	if !ok {
		return nil, missingParameter("messaging_product")
	}
	if refusal := checkProduct(product.value); refusal != nil {
		return nil, refusal
	}
	return s.changeNumber(c, func(row *numberRow) *apiError {
		next := profile{}
		if row.Profile != nil {
			next = *row.Profile
		}
		row.Profile = &next
		return s.readProfile(c, &next)
	})
}

// readProfile reads the parameters of a profile.
func (s *Server) readProfile(c *call, next *profile) *apiError {
	texts := map[string]*string{"about": &next.About, "address": &next.Address, "description": &next.Description, "email": &next.Email}
	for _, name := range sortedNames(texts) {
		p, ok := c.parameters[name]
		if !ok {
			continue
		}
		if characters(p.value) > profileTexts[name] {
			return tooManyCharacters(name, profileTexts[name])
		}
		if name == "email" && !strings.Contains(p.value, "@") {
			return parameterError("Param email must be a valid email address.")
		}
		*texts[name] = p.value
	}
	if p, ok := c.parameters["vertical"]; ok {
		given := strings.ToUpper(p.value)
		known := false
		for _, name := range verticals {
			known = known || name == given
		}
		if !known {
			return parameterError("Param vertical must be one of {%s} - got \"%s\".", strings.Join(verticals, ", "), truncate(p.value))
		}
		next.Vertical = given
	}
	if p, ok := c.parameters["websites"]; ok {
		sites, err := list(p.value)
		if err != nil || len(sites) > maxWebsites {
			return parameterError("Param websites must be an array of at most %d URLs.", maxWebsites)
		}
		for _, site := range sites {
			u, err := url.Parse(site)
			if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || characters(site) > maxWebsite {
				return parameterError("Param websites must be URLs that begin with http:// or https://, of at most %d characters.", maxWebsite)
			}
		}
		next.Websites = sites
	}
	if handle := c.parameters.get("profile_picture_handle"); handle != "" {
		file, ok := s.Handle(handle)
		if !ok || !strings.HasPrefix(file.MIMEType, "image/") {
			return parameterError("Param profile_picture_handle must be the handle of an uploaded image.")
		}
		next.Picture = truncate(handle)
	}
	return nil
}
