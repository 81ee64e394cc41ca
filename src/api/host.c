#include "api/host.h"

#include <string.h>

#include "base/macro.h"
#include "base/strings.h"

#define A_PORTAL "is the address of a portal"
#define NO_NAME "lacks the resource's name"
#define A_RESOURCE "is a resource of Azure"
#define A_ZONE "is below the zone of private endpoints: leave out privatelink"
#define OPENAI "belongs to OpenAI itself, not to Azure"

/* The first row that fits decides. Hosts as the vendors' documentation and SDKs name them. */
static const struct {
        const char *name;
        bool itself, below;             /* the name; every name below it */
        HostClass class;
        const char *what;
} hosts[] = {
        { "ai.azure.com", true, false, HOST_USELESS, A_PORTAL },
        { "ai.azure.us", true, false, HOST_USELESS, A_PORTAL },
        { "oai.azure.com", true, true, HOST_USELESS, A_PORTAL },
        { "ml.azure.com", true, false, HOST_USELESS, A_PORTAL },
        { "portal.azure.com", true, true, HOST_USELESS, A_PORTAL },
        { "portal.azure.us", true, true, HOST_USELESS, A_PORTAL },
        { "learn.microsoft.com", true, false, HOST_USELESS, "is the documentation" },
        { "azure.microsoft.com", true, false, HOST_USELESS, "is a web site" },
        { "management.azure.com", true, true, HOST_USELESS, "manages resources and serves no jobs" },
        { "login.microsoftonline.com", true, false, HOST_USELESS, "is where tokens come from" },
        { "login.microsoftonline.us", true, false, HOST_USELESS, "is where tokens come from" },
        { "privatelink.openai.azure.com", true, true, HOST_USELESS, A_ZONE },
        { "privatelink.openai.azure.us", true, true, HOST_USELESS, A_ZONE },
        { "privatelink.cognitiveservices.azure.com", true, true, HOST_USELESS, A_ZONE },
        { "privatelink.cognitiveservices.azure.us", true, true, HOST_USELESS, A_ZONE },
        { "privatelink.services.ai.azure.com", true, true, HOST_USELESS, A_ZONE },
        { "privatelink.services.ai.azure.us", true, true, HOST_USELESS, A_ZONE },
        { "openai.azure.com", true, false, HOST_USELESS, NO_NAME },
        { "openai.azure.us", true, false, HOST_USELESS, NO_NAME },
        { "cognitiveservices.azure.com", true, false, HOST_USELESS, NO_NAME },
        { "cognitiveservices.azure.us", true, false, HOST_USELESS, NO_NAME },
        { "services.ai.azure.com", true, false, HOST_USELESS, NO_NAME },
        { "services.ai.azure.us", true, false, HOST_USELESS, NO_NAME },
        { "api.cognitive.microsoft.com", true, false, HOST_USELESS, "lacks the region" },
        { "openai.azure.com", false, true, HOST_AZURE, A_RESOURCE },
        { "openai.azure.us", false, true, HOST_AZURE, A_RESOURCE },
        { "cognitiveservices.azure.com", false, true, HOST_AZURE, A_RESOURCE },
        { "cognitiveservices.azure.us", false, true, HOST_AZURE, A_RESOURCE },
        { "services.ai.azure.com", false, true, HOST_AZURE, A_RESOURCE },
        { "services.ai.azure.us", false, true, HOST_AZURE, A_RESOURCE },
        { "api.cognitive.microsoft.com", false, true, HOST_AZURE, A_RESOURCE },
        { "api.openai.com", true, true, HOST_OPENAI, OPENAI },  /* us. eu. ae.: where data stay */
        { "platform.openai.com", true, true, HOST_USELESS, A_PORTAL },
        { "openai.com", true, true, HOST_USELESS, "is a web site" },
        { "chatgpt.com", true, true, HOST_USELESS, "is a web site" },
};

static bool host_is(const char *host, const char *name, bool itself, bool below) {
        const char *rest = endswith(host, name);

        return rest && (rest == host ? itself : below && rest[-1] == '.');
}

HostClass host_classify(const Endpoint *e, const char **ret_what) {
        HostClass class = HOST_OTHER;

        *ret_what = NULL;
        for (size_t i = 0; i < ARRAY_SIZE(hosts) && !*ret_what; i++)
                if (host_is(e->host, hosts[i].name, hosts[i].itself, hosts[i].below)) {
                        class = hosts[i].class;
                        *ret_what = hosts[i].what;
                }
        /* Gateways keep the path of what they stand for. */
        if ((class == HOST_AZURE || class == HOST_OTHER) && strstr(e->path, "/api/projects")) {
                *ret_what = "is the endpoint of a Foundry project, not of the resource";
                return HOST_FOUNDRY;
        }
        return class;
}

bool host_path_fits(HostClass class, const char *path) {
        return !*path || class == HOST_OTHER || class == HOST_FOUNDRY;
}
