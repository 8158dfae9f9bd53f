locals {
  idp = provider::gatehouse::saml_metadata(file("${path.module}/okta.xml"))
}

output "certificate_expires" {
  value = local.idp.not_after
}
