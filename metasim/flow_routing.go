// How the screens of a flow follow each other (docs/references.md#graph-flows).

package metasim

import "slices"

const invalidRouting = "INVALID_ROUTING_MODEL"

// routing checks the routing model, which a flow with an endpoint requires. Without
// one, the actions say how screens follow each other.
func (f *flowCheck) routing(root *jsonNode) {
	model := root.get("routing_model")
	switch {
	case model == nil && root.get("data_api_version") != nil:
		f.report(invalidRouting, "routing_model", root.from, root.from+1, "Missing required property 'routing_model', because the flow has a data_api_version.")
		return
	case model == nil || model.kind != objectValue:
		return
	}
	routes := map[string][]string{}
	for _, m := range model.members {
		path := in("routing_model", m.name)
		if f.screens[m.name] == nil {
			f.report(invalidRouting, path, m.from, m.to, "Screen %s of the routing model does not exist.", truncate(m.name))
			continue
		}
		routes[m.name] = f.targets(path, m.name, m.value)
	}
	for _, id := range sortedNames(f.screens) {
		if _, ok := routes[id]; !ok {
			f.at(invalidRouting, "routing_model", model, "Screen %s is missing in the routing model.", truncate(id))
		}
	}
	f.reaches(model, routes)
	if f.numeric >= 7.3 {
		f.actionsFollow(model, routes)
	}
	f.leads = routes
}

// targets returns the screens to which one leads.
func (f *flowCheck) targets(path, from string, list *jsonNode) (targets []string) {
	if list.kind != listValue {
		f.at(invalidRouting, path, list, "The routes of a screen must be a list of screens.")
		return nil
	}
	for i, n := range list.elements {
		at := elementPath(path, i)
		switch {
		case n.kind != textValue || f.screens[n.text] == nil:
			f.at(invalidRouting, at, n, "The routes of screen %s have a screen that does not exist.", truncate(from))
		case n.text == from:
			f.at(invalidRouting, at, n, "Screen %s has a route to itself.", truncate(from))
		case slices.Contains(targets, n.text):
			f.at(invalidRouting, at, n, "Screen %s has a route to %s twice.", truncate(from), truncate(n.text))
		default:
			targets = append(targets, n.text)
		}
	}
	return targets
}

// reaches checks that there is a first screen, and that all others follow from it.
func (f *flowCheck) reaches(model *jsonNode, routes map[string][]string) {
	entered := map[string]bool{}
	for _, from := range sortedNames(routes) {
		for _, to := range routes[from] {
			entered[to] = true
			if from < to && slices.Contains(routes[to], from) {
				f.at(invalidRouting, "routing_model", model, "Screens %s and %s have routes to each other. The way back needs none.", truncate(from), truncate(to))
				return
			}
		}
	}
	reached := map[string]bool{}
	var open []string
	for _, id := range sortedNames(routes) {
		if !entered[id] {
			open = append(open, id)
		}
	}
	if len(open) == 0 && len(routes) > 0 {
		f.at(invalidRouting, "routing_model", model, "There is no first screen: each has a route to it.")
		return
	}
	for len(open) > 0 {
		id := open[len(open)-1]
		open = open[:len(open)-1]
		if !reached[id] {
			reached[id] = true
			open = append(open, routes[id]...)
		}
	}
	ends := len(routes) == 0
	for _, id := range sortedNames(routes) {
		ends = ends || reached[id] && f.screens[id].isTrue("terminal")
		if !reached[id] {
			f.at(invalidRouting, "routing_model", model, "Screen %s cannot be reached.", truncate(id))
		}
	}
	if !ends {
		f.at(invalidRouting, "routing_model", model, "No terminal screen can be reached.")
	}
}

// actionsFollow checks that each action navigate has a route.
func (f *flowCheck) actionsFollow(model *jsonNode, routes map[string][]string) {
	for _, from := range sortedNames(f.leads) {
		for _, to := range f.leads[from] {
			if !slices.Contains(routes[from], to) {
				f.at(invalidRouting, "routing_model", model, "An action leads from screen %s to %s, but the routing model does not.", truncate(from), truncate(to))
			}
		}
	}
}

// firstScreen returns the screen to which no other one leads, or the first.
func (f *flowCheck) firstScreen(ids []string) string {
	for _, id := range ids {
		led := false
		for from, targets := range f.leads {
			led = led || from != id && slices.Contains(targets, id)
		}
		if !led {
			return id
		}
	}
	if len(ids) > 0 {
		return ids[0]
	}
	return ""
}
