# Sourced after environment.sh by scripts whose tests drive a real Terraform or OpenTofu.
# shellcheck shell=sh
TF_ACC_TERRAFORM_PATH=$(scripts/terraform)
export TF_ACC=1 TF_ACC_TERRAFORM_PATH
case "$("$TF_ACC_TERRAFORM_PATH" version 2>/dev/null)" in
OpenTofu*)
	# Where OpenTofu looks for a provider that is named without its source.
	export TF_ACC_PROVIDER_HOST=registry.opentofu.org TF_ACC_PROVIDER_NAMESPACE=hashicorp
	;;
esac
