package cases

import "strconv"

// write turns the world into files and a command line.
func (w *world) write() ([]File, []string) {
	var files []File
	var args []string
	add := func(name, text string) {
		if spoil := w.spoil[name]; spoil != nil {
			text = spoil(text)
		}
		files = append(files, File{name, []byte(text)})
	}
	anchors := pems(w.anchors)
	if w.useStore {
		for _, l := range w.storeCRLs {
			anchors = append(anchors, armour("X509 CRL", l.der()))
		}
		if len(anchors) > 0 {
			add("ca.pem", join(anchors))
			args = append(args, "-CAfile", "ca.pem")
		}
	} else {
		for i, part := range w.split(anchors) {
			name := "trusted" + strconv.Itoa(i) + ".pem"
			add(name, join(part))
			args = append(args, "-trusted", name)
		}
	}
	if len(anchors) == 0 { // or the first target would be taken for the anchor
		args = append(args, "-no-CAfile", "-no-CApath", "-no-CAstore")
	}
	for i, part := range w.split(pems(w.untrusted)) {
		name := "untrusted" + strconv.Itoa(i) + ".pem"
		add(name, join(part))
		args = append(args, "-untrusted", name)
	}
	var lists []string
	for _, l := range w.crls {
		lists = append(lists, armour("X509 CRL", l.der()))
	}
	for i, part := range w.split(lists) {
		name := "crls" + strconv.Itoa(i) + ".pem"
		add(name, join(part))
		args = append(args, "-CRLfile", name)
	}
	for _, words := range w.options {
		args = append(args, words...)
	}
	for i, c := range w.targets {
		name := "target" + strconv.Itoa(i) + ".pem"
		add(name, armour("CERTIFICATE", c.der()))
		args = append(args, name)
	}
	return files, args
}

func pems(entries []entry) []string {
	var out []string
	for _, e := range entries {
		der := append([]byte{}, e.der()...)
		der = append(der, e.aux...)
		out = append(out, armour(e.label, append(der, e.trailer...)))
	}
	return out
}

func join(parts []string) string {
	var s string
	for _, p := range parts {
		s += p
	}
	return s
}

// split divides the blocks over one or two files; no blocks give no file.
func (w *world) split(blocks []string) [][]string {
	if len(blocks) == 0 {
		return nil
	}
	if len(blocks) > 1 && w.r.chance(0.3) {
		at := 1 + w.r.IntN(len(blocks)-1)
		return [][]string{blocks[:at], blocks[at:]}
	}
	return [][]string{blocks}
}
