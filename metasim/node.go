package metasim

// object is JSON with members in the order of their names.
type object map[string]any

// node is an object of the graph, or of a type that Meta names: its fields by name,
// and the names of those that a request without fields returns.
type node struct {
	kind     string         // Meta's name of the type, in error messages
	as       nodeKind       // empty for a part of another node
	fields   map[string]any // a scalar, a list of them, a node or an edge; nil means a field without a value, which is left out
	defaults []string       // empty means all
}

// lazy is a field that is made when it is requested, because it has nodes that have
// the node itself as a field.
type lazy func(*call) any

// edge is a field with a list of nodes.
type edge struct {
	rows   []node
	where  func(rows []node, given parameters) ([]node, *apiError)  // nil means that no parameter but filtering selects rows
	limit  int                                                      // message_template_limit of the summary; 0 means none
	sort   func(rows []node, by string) *apiError                   // nil means that the order cannot be chosen
	filter func(rows []node, conditions string) ([]node, *apiError) // nil means that all rows are returned
}

// choose returns the requested fields, and the id if there is one.
func (c *call) choose(n node, requested []fieldRequest) (object, *apiError) {
	if len(requested) == 0 {
		requested = n.defaultFields()
	}
	chosen := object{}
	if id, ok := n.fields["id"]; ok {
		chosen["id"] = id
	}
	for _, f := range requested {
		value, ok := n.fields[f.name]
		switch {
		case !ok && missingField(n.as, f.name):
			return nil, c.notSimulated("the field "+f.name+" of "+n.kind, "Leave it out.")
		case !ok:
			return nil, parameterError("Tried accessing nonexisting field (%s) on node type (%s)", truncate(f.name), n.kind)
		}
		value, refusal := c.value(n, value, f)
		if refusal != nil {
			return nil, refusal
		}
		if value != nil {
			chosen[f.outputName()] = value
		}
	}
	return chosen, nil
}

// outputName is the name of a field in the response: that of its modifier as, which
// clients use to read one field twice.
func (f fieldRequest) outputName() string {
	if alias := f.get("as"); alias != "" {
		return alias
	}
	return f.name
}

// defaultFields returns the fields of a node that a request without fields reads.
func (n node) defaultFields() []fieldRequest {
	names := n.defaults
	if len(names) == 0 {
		names = sortedNames(n.fields)
	}
	fields := make([]fieldRequest, len(names))
	for i, name := range names {
		fields[i].name = name
	}
	return fields
}

// value returns what a response has for a field of a node.
func (c *call) value(of node, value any, f fieldRequest) (any, *apiError) {
	switch v := value.(type) {
	case lazy:
		return c.value(of, v(c), f)
	case node:
		return c.chosenOrNil(c.choose(v, f.fields))
	case edge:
		return c.edgePage(of, v, f)
	case nil:
		return nil, nil
	}
	if f.fields != nil {
		return nil, parameterError("Subfields are not supported by %s", truncate(f.name))
	}
	return value, nil
}

// chosenOrNil makes an empty object nil, which is left out.
func (c *call) chosenOrNil(chosen object, refusal *apiError) (any, *apiError) {
	if len(chosen) == 0 {
		return nil, refusal
	}
	return chosen, refusal
}

// edgePage returns a page of a list that is read as a field of a node. Its modifiers
// are the parameters that the list has on a path of its own.
func (c *call) edgePage(of node, e edge, f fieldRequest) (any, *apiError) {
	given := parameters{"fields": {fieldsText(f.fields), inQuery}}
	for _, m := range f.modifiers {
		given[m.name] = parameter{m.value, inQuery}
	}
	return c.page(e, given, f.fields, "/"+c.version+"/"+text(of.fields["id"])+"/"+f.name)
}

// respondWithNode returns the requested fields of a node.
func (c *call) respondWithNode(n node) (any, *apiError) {
	requested, refusal := parseFields(c.parameters.get("fields"))
	if refusal != nil {
		return nil, refusal
	}
	return c.choose(n, requested)
}

// respondWithEdge returns a page of a list.
func (c *call) respondWithEdge(e edge) (any, *apiError) {
	requested, refusal := parseFields(c.parameters.get("fields"))
	if refusal != nil {
		return nil, refusal
	}
	return c.page(e, c.parameters, requested, c.r.URL.Path)
}

// structure returns a node without an id, whose fields are all returned by default.
func structure(kind string, fields map[string]any) node { return node{kind: kind, fields: fields} }
