package finding

// Kubeconfigs as files: what package kubeconfig sees.

var kubeconfigRules = []Rule{}
