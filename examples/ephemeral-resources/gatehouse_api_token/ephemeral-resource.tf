# Lives for this run only: it is revoked when Terraform is done with it.
ephemeral "gatehouse_api_token" "reader" {
  service_account = "drift"
  scopes          = ["read_only"]
  ttl             = "15m"
}

provider "gatehouse" {
  alias = "reader"
  token = ephemeral.gatehouse_api_token.reader.secret
}
