#include "model/advice.h"

#include <stddef.h>
#include <string.h>

#include "base/macro.h"
#include "base/strings.h"
#include "model/pause.h"

/* Azure says so of an identity without a role, and for minutes after one was given. */
static const char role_advice[] =
        "Give the identity a role on this resource: Cognitive Services OpenAI Contributor, for a Foundry "
        "project Azure AI User. A role that was given just now takes up to 10 minutes to work.";

/* The first row that fits decides. Texts of the services: "Safety evaluation for fine-tuning", "Cost
 * management for fine-tuning" (deployments are billed by the hour) and "Configure virtual networks" of
 * Azure's documentation; OpenSSL's X509_verify_cert_error_string(). Why a job is paused: model/pause.c. */
static const struct {
        NoticeType type;
        Reason reason;                  /* REASON_NONE: any */
        const char *has;                /* in the detail, in any case; NULL: any */
        const char *text;
} advices[] = {
        { NOTICE_JOB_FAILED, REASON_NONE, "RAI checks",
          "The training data was refused by the content filter. Remove the examples of the named harm types "
          "and start a new job." },
        { NOTICE_JOB_FAILED, REASON_NONE, "blocked by our moderation",
          "The training data was refused by moderation. Remove the offending examples and "
          "start a new job." },
        { NOTICE_JOB_FAILED, REASON_NONE, "unable to be deployed",
          "The finished model did not pass the safety evaluation. Review the training data for "
          "the named harm types and start a new job." },
        { NOTICE_JOB_FAILED, REASON_NONE, "training file was deleted",
          "Upload the training file again and start a new job." },
        { NOTICE_JOB_FAILED, REASON_NONE, NULL, "Correct what the error names and start a new job." },
        { NOTICE_JOB_SUCCEEDED, REASON_NONE, NULL,
          "Deploy the fine-tuned model to use it. A deployment is billed by the hour, used or not." },
        { NOTICE_JOB_STATUS_CHANGED, REASON_NONE, NULL,
          "This status is new to ftwatchd. The job is taken as unfinished and watched on." },
        { NOTICE_JOB_REMOVED, REASON_NONE, NULL,
          "If nobody deleted it, ask who has access to the resource." },
        { NOTICE_JOB_STALLED, REASON_NONE, NULL,
          "Up to an hour of silence is normal, also at the end of training. See the job's page; a job that "
          "hangs can be cancelled and started again, what was trained till then is billed." },
        { NOTICE_JOB_WAITING, REASON_NONE, NULL,
          "Nothing is lost and nothing is billed while it waits. If it is urgent: another region may have "
          "more capacity." },
        { NOTICE_JOB_OVERDUE, REASON_NONE, NULL,
          "The service's estimates are rough. If the steps still rise it will end; else see the job's "
          "page." },
        { NOTICE_JOB_CHECKPOINT, REASON_NONE, NULL,
          "It can be deployed like a finished model. The service keeps those of the last three epochs." },
        { NOTICE_JOB_METRIC, REASON_NONE, NULL,
          "Training goes on. A job that has gone wrong can be cancelled; work up to then is billed." },

        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "private endpoint",
          "Public access to this resource is off. Run ftwatchd where its private endpoint is reached, and "
          "let "
          "the host name lead there: private DNS zone, or option resolve." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "virtual network/firewall",
          "The resource's firewall refuses the address of this machine. Add the address under "
          "\"Networking\" "
          "of the resource, or go by its private endpoint." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "does not have access", role_advice },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "lacks the required", role_advice },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "PermissionDenied", role_advice },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "audience is incorrect",
          "Check tenant and scope of the token and the clock of this machine; a key belongs into api_key." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS7000215",
          "Check the client secret: the value is wanted, not the id that the portal shows beside it." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS7000222",
          "The client secret has expired: make a new one in the app registration, then restart ftwatchd." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS700016",
          "Check client id and tenant: this tenant has no such application." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS90002",
          "Check the tenant: there is none of this name or id in this cloud." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS700024",
          "Check the clock of this machine: the assertion is not valid now." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS7000112",
          "Enable the application in this tenant, or use another: it is disabled." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS7000229",
          "Make a service principal for the application in this tenant (az ad sp create)." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS700027",
          "Add this certificate to the app registration; if it has expired, a new one, then restart "
          "ftwatchd." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS70021",
          "Add a federated credential with this issuer, subject and audience to the app registration." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "conditional access policy",
          "A conditional access policy for workload identities blocks the application: let it out of the "
          "policy, or add the address of this machine to the locations that it allows. The sign-in log of "
          "Entra names the policy." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "wants somebody to sign in",
          "Ask an administrator of the tenant to let the application out of the policy: nobody can sign in "
          "for a service." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS50053",
          "See the sign-in log of Entra for the reason: an address that is not trusted is let in by a named "
          "location." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "AADSTS50105",
          "Assign the application to the enterprise application that the token is for, or correct scope in "
          "auth." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "administrator has to consent",
          "Ask an administrator of the tenant to consent to the permissions of the application." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "lets through to other tenants",
          "Tenant restrictions of a proxy keep this tenant out: ask whoever runs it, or set proxy and "
          "no_proxy." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "Identity not found",
          "Assign the identity to this machine, or correct client_id, object_id or resource_id in auth." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "Azure Arc",
          "Check key_directory in auth and the agent of Azure Arc; who runs ftwatchd must be in its group, "
          "himds." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "no token:",
          "Check auth of this source: its server of tokens refuses the credential." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "incorrect api key",
          "Check the api key: was it revoked, and does it belong to this organization and project?" },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, "subscription key",
          "Check the api key: was it regenerated, and does it belong to this endpoint? Azure says the "
          "same for a wrong host." },
        { NOTICE_SOURCE_UNAUTHORIZED, REASON_NONE, NULL,
          "Check the credential of this source: was the key regenerated, did the secret expire, does it "
          "belong "
          "to this endpoint, has it the role? Azure says the same for a wrong host." },

        { NOTICE_SOURCE_MISCONFIGURED, REASON_NONE, "AADSTS90002",
          "Check tenant in auth, and authority if the cloud is another." },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_NONE, "in another cloud",
          "Set authority in auth to that of the cloud in which the tenant is." },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_NONE, "tenant has to be",
          "Set tenant in auth to the id of the tenant; common and organizations are for people." },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_NONE, "check scope",
          "Check scope in auth: the server of tokens does not know what the token is for." },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_BAD_REPLY, "no token:",
          "Check authority or endpoint in auth: what answers there gives no tokens. Is it a proxy or a "
          "login page?" },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_NONE, "no token:",
          "Check auth of this source: its server of tokens does not take the request." },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_BAD_REPLY, NULL,
          "Check the endpoint: what answers there does not speak this API. Is it a proxy, a login page or "
          "another service?" },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_TOO_LARGE, NULL,
          "Raise reply_limit of this source, or check what answers at its endpoint." },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_REDIRECT, NULL,
          "Check the endpoint: it redirects, and redirects are not followed because they would carry the "
          "key along." },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_NONE, "api version",
          "Check api_version of this source: the server does not take it. Without the option a version that "
          "is generally available is used." },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_NONE, "api-version",
          "Check api_version of this source: the server does not take it. Without the option a version that "
          "is generally available is used." },
        { NOTICE_SOURCE_MISCONFIGURED, REASON_NONE, NULL,
          "Check endpoint, dialect and api_version of this source: the server does not know what was "
          "asked for. ftwatchd --probe tries the others." },

        { NOTICE_SOURCE_UNREACHABLE, REASON_NONE, "nothing gives tokens here",
          "Check platform and endpoint in auth: is this a machine with a managed identity?" },
        { NOTICE_SOURCE_UNREACHABLE, REASON_DNS, "no token:",
          "Check authority in auth, and name resolution on this machine." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_CONNECT, "no token:",
          "Check firewall and route from this machine to the server of tokens, and whether a proxy is "
          "needed (option proxy)." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TIMEOUT, "no token:",
          "The server of tokens was slow; polling goes on. Check firewall, route and proxy to it if it "
          "lasts, and timeout." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_SERVER_ERROR, "no token:",
          "Nothing to do here: the server of tokens answers with errors and is asked again. If it lasts, "
          "see its status page, or on this machine its metadata service." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_DNS, NULL,
          "Check the host name in endpoint, and name resolution on this machine. A private endpoint needs "
          "its private DNS zone, or option resolve." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_CONNECT, NULL,
          "Check firewall and route from this machine to the endpoint, and whether a proxy is needed "
          "(option proxy); a private endpoint is reached from its network only." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TIMEOUT, NULL,
          "Check firewall and route from this machine to the endpoint, and whether a proxy is needed "
          "(option proxy); a private endpoint is reached from its network only. Raise timeout if the "
          "server is slow." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "not yet valid",
          "Check the clock of this machine: the certificate of the endpoint is not valid yet." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "has expired",
          "The certificate of the endpoint has expired, or the clock of this machine is wrong." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "subject name",
          "The certificate is another host's: check the host name in endpoint (and resolve); an address "
          "works only where the certificate has it." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "self-signed",
          "The certificate comes from an authority of your own (a server, a gateway or a proxy that looks "
          "into TLS): name its certificate in ca_file." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "local issuer",
          "The certificate comes from an authority that is not known here: name its certificate in ca_file, "
          "or install ca-certificates." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "wrong version number",
          "What answers there speaks no TLS: check scheme and port of the endpoint." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "client certificate",
          "Check client_cert and client_key: the server wants a certificate, or the files cannot be used." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, "alert",
          "The server refuses the handshake: check client_cert and client_key if it wants a certificate." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_TLS, NULL,
          "Check the certificate of the endpoint, ca_file, and the clock of this machine." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_PROXY, "407",
          "The proxy wants a login: set proxy_user and proxy_password." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_PROXY, "403",
          "The proxy does not let this host through: ask whoever runs it, or set no_proxy." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_PROXY, NULL,
          "Check the proxy: option proxy, or https_proxy in the environment." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_SERVER_ERROR, NULL,
          "Nothing to do here: the service answers with errors. See its status page if it lasts." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_INTERNAL, NULL,
          "The cause is on this machine (disk, memory): the log of ftwatchd says more." },
        { NOTICE_SOURCE_UNREACHABLE, REASON_NONE, NULL,
          "Check network, firewall and endpoint; polling goes on." },

        { NOTICE_SOURCE_THROTTLED, REASON_NONE, "no token:",
          "Nothing to do here: the server of tokens is busy, it is asked again later." },
        { NOTICE_SOURCE_THROTTLED, REASON_NONE, NULL,
          "Raise poll_interval, or find out who else uses the request quota of this resource." },
        { NOTICE_RECEIVER_FAILING, REASON_UNAUTHORIZED, NULL,
          "Check the credential of this receiver; what is owed is kept." },
        { NOTICE_RECEIVER_FAILING, REASON_GONE, NULL,
          "The address was closed by its owner: make a new one, restart ftwatchd with it, then "
          "ftwatchctl retry --all-dead." },
        { NOTICE_RECEIVER_FAILING, REASON_NOT_FOUND, NULL,
          "Check url: nothing is there. Make a new one if needed, restart ftwatchd with it, then "
          "ftwatchctl retry --all-dead." },
        { NOTICE_RECEIVER_FAILING, REASON_BAD_REQUEST, NULL,
          "What it refuses is given up, other messages go on: ftwatchctl deliveries shows which and why." },
        { NOTICE_RECEIVER_FAILING, REASON_TOO_LARGE, NULL,
          "What is too large for it is given up, other messages go on: ftwatchctl deliveries shows which." },
        { NOTICE_RECEIVER_FAILING, REASON_NONE, NULL,
          "Check the receiver's address and network; what is owed is kept and retried." },
};

const char *advice_find(NoticeType type, Reason reason, const char *detail) {
        for (size_t i = 0; i < ARRAY_SIZE(advices); i++)
                if (advices[i].type == type &&
                    (advices[i].reason == REASON_NONE || advices[i].reason == reason) &&
                    (!advices[i].has || strcasestr(strempty(detail), advices[i].has)))
                        return advices[i].text;
        return NULL;
}

const char *advice_for_notice(const Notice *n) {
        const char *detail = n->detail;

        if (n->advice)
                return n->advice;
        if (n->type == NOTICE_JOB_PAUSED)
                return pause_advice(pause_judge(n->job, n->events, n->n_events));
        if (n->type == NOTICE_JOB_FAILED)
                detail = n->job ? n->job->error.message : NULL;
        return advice_find(n->type, reason_from_string(n->reason), detail);
}
