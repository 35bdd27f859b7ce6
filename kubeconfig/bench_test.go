package kubeconfig

import "testing"

func BenchmarkRender(b *testing.B) {
	s := admin()
	s.CA, s.ClientCert, s.ClientKey = make([]byte, 1107), make([]byte, 1147), make([]byte, 1679)
	for b.Loop() {
		if _, err := s.Render(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	s := admin()
	s.CA, s.ClientCert, s.ClientKey = make([]byte, 1107), make([]byte, 1147), make([]byte, 1679)
	data := []byte(render(b, s))
	for b.Loop() {
		if _, err := Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
