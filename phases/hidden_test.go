package phases_test

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/pkitool/pkitool/certs"
	"github.com/pkitool/pkitool/kubeconfig"
	"github.com/pkitool/pkitool/phases"
	"github.com/pkitool/pkitool/phases/judge"
	"github.com/pkitool/pkitool/pki"
	"github.com/pkitool/pkitool/pki/store"
)

// Whatever holds a private key or a file's bytes can be printed in every way that Go has, and shows neither. Ed25519 is
// the hardest: its private key is a slice of bytes, which fmt follows where it stops at a pointer.
func TestNothingSecretInValues(t *testing.T) {
	w := complete(t)
	ca := w.row("ca")
	key, err := pki.GenerateKey(pki.Ed25519)
	require.NoError(t, err)
	w.place(ca, key, certify(t, template(ca), nil, key, nil))
	w.remove(w.certFile(w.row("apiserver")), w.keyFile(w.row("apiserver")))
	w.site.Signers = map[certs.ID]crypto.Signer{ca.ID: key}

	inv := judge.Take(w.tree, w.site, nil)
	j := judge.Judge(w.tree, inv, nil, now)
	plan := phases.DecideInit(j, w.only("ca", "apiserver"), reissue())
	plan.Actions[0].Make = &phases.Order{Key: key}
	made, err := phases.DecideInit(j, w.only("ca", "apiserver"), reissue()).Render(context.Background())
	require.NoError(t, err)
	require.NotEmpty(t, made[1].Files)
	c, ok := j.Case(ca.ID)
	require.True(t, ok)
	authority, err := pki.NewAuthority(w.bundle("ca"), key, now)
	require.NoError(t, err)
	conf, err := kubeconfig.Parse(w.read(w.site.Files(w.row("admin"))[0]))
	require.NoError(t, err)
	entry, err := conf.Current()
	require.NoError(t, err)
	file, err := store.Read(w.keyFile(ca))
	require.NoError(t, err)
	target, err := kubeconfig.NewTarget(w.read(w.site.Files(w.row("admin"))[0]))
	require.NoError(t, err)

	var secrets []string
	hide := func(data []byte) {
		require.Greater(t, len(data), 30)
		part := data[len(data)/2-15 : len(data)/2+15] // of PEM: behind what every key of the kind begins with
		secrets = append(secrets, string(part), fmt.Sprintf("%x", part), strings.Trim(fmt.Sprint(part), "[]"), strings.ReplaceAll(strings.Trim(fmt.Sprint(part), "[]"), " ", ","),
			strings.Trim(fmt.Sprintf("%#v", part), "[]byte{}"), base64.StdEncoding.EncodeToString(part), base64.StdEncoding.EncodeToString(data), new(big.Int).SetBytes(data).String())
	}
	hide(w.read(w.keyFile(ca)))
	hide(key.(interface{ Seed() []byte }).Seed())
	hide(made[1].Files[0])
	hide(entry.User.ClientKey)

	for name, value := range map[string]any{
		"Site": w.site, "Inventory": inv, "Judgement": j, "Case": c, "Held": *c.Held, "Held's file": c.Held.Key, "CA": c.CA, "Plan": plan, "Action": plan.Actions[0], "Order": *plan.Actions[0].Make,
		"Output": phases.Output{Data: w.read(w.keyFile(ca))}, "Conf": phases.Conf{Base: w.read(w.keyFile(ca))}, "Made": made, "Made[1]": made[1], "Signed": phases.Signed{Data: w.read(w.keyFile(ca))},
		"RefusedError": &phases.RefusedError{Plan: plan}, "IssueRequest": phases.IssueRequest{Order: phases.Order{Key: key}},
		"UserRequest": phases.UserRequest{Token: string(w.read(w.keyFile(ca)))}, "User": phases.User{Kubeconfig: w.read(w.keyFile(ca))},
		"Authority": *authority, "*Authority": authority, "Config": *conf, "Entry": entry, "kubeconfig.User": entry.User, "Single": entry.Single(), "Edit": kubeconfig.Edit{ClientKey: entry.User.ClientKey},
		"Merged": kubeconfig.Merged{Data: w.read(w.keyFile(ca))}, "*Target": target, "File": file, "Write": store.Write{Data: file.Data},
	} {
		for form, text := range printed(t, value) {
			for _, s := range secrets {
				assert.NotContains(t, text, s, "%s in %s", name, form)
			}
		}
	}
}

// printed is a value in every form that Go prints it in. What an encoder refuses it does not print.
func printed(t *testing.T, value any) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		out[form] = fmt.Sprintf(form, value)
	}
	for name, marshal := range map[string]func(any) ([]byte, error){"json": json.Marshal, "yaml": yaml.Marshal} {
		func() {
			defer func() { _ = recover() }() // yaml panics where json gives an error: for functions
			if data, err := marshal(value); err == nil {
				out[name] = string(data)
			}
		}()
	}
	return out
}
