import {
  to = gatehouse_api_token.drift
  identity = {
    workspace = "example"
    key       = "drift-nightly"
  }
}
