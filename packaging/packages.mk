# make deb, make rpm: into $(BUILD)/packages, from a copy of the tree. Both are reproducible: built twice,
# below different paths and at different times, they are the same bytes (tests/packages).
PACKAGES_DIR    := $(BUILD)/packages
STAGED          := ftwatchd-$(VERSION)
SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),$(shell stat -c %Y README.md))
# What this one was told is not for the build of a package; make check is run by whoever runs make.
PACKAGE_ENV     := env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u BUILD -u FTWATCH_BUILD -u FTWATCH_VERSION \
                   -u FT_STAMP_TEXT -u FT_LIST_TEXT -u DESTDIR -u PREFIX \
                   SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) LC_ALL=C.UTF-8 TZ=UTC
DEB_BUILD_OPTIONS ?= nocheck parallel=$(shell nproc)
# What only the tests need is not asked for where they are not run.
DEB_BUILD_PROFILES ?= $(filter nocheck,$(DEB_BUILD_OPTIONS))

deb: ## a Debian package, in build/packages (debhelper)
	$(Q)rm -f $(PACKAGES_DIR)/*.deb $(PACKAGES_DIR)/*.changes $(PACKAGES_DIR)/*.buildinfo
	$(Q)$(PACKAGE_ENV) packaging/stage.sh $(VERSION) $(PACKAGES_DIR)/deb/$(STAGED)
	$(Q)cd $(PACKAGES_DIR)/deb/$(STAGED) && $(PACKAGE_ENV) DEB_BUILD_OPTIONS="$(DEB_BUILD_OPTIONS)" \
	        DEB_BUILD_PROFILES="$(DEB_BUILD_PROFILES)" dpkg-buildpackage -b -us -uc
	$(Q)mv $(PACKAGES_DIR)/deb/*.deb $(PACKAGES_DIR)/deb/*.changes $(PACKAGES_DIR)/deb/*.buildinfo \
	        $(PACKAGES_DIR)

RPM_DEFINES     := _topdir=$(abspath $(PACKAGES_DIR))/rpm ft_version=$(VERSION) _buildhost=reproducible \
                   use_source_date_epoch_as_buildtime=1 clamp_mtime_to_source_date_epoch=1 \
                   source_date_epoch_from_changelog=0

rpm: ## an RPM package, in build/packages (rpmbuild)
	$(Q)rm -rf $(PACKAGES_DIR)/*.rpm $(PACKAGES_DIR)/rpm
	$(Q)$(PACKAGE_ENV) packaging/stage.sh $(VERSION) $(PACKAGES_DIR)/rpm/stage/$(STAGED)
	$(Q)mkdir -p $(PACKAGES_DIR)/rpm/SOURCES
	$(Q)rm -r $(PACKAGES_DIR)/rpm/stage/$(STAGED)/debian
	$(Q)tar -c --sort=name --owner=0 --group=0 --numeric-owner -C $(PACKAGES_DIR)/rpm/stage $(STAGED) | \
	        gzip -9n >$(PACKAGES_DIR)/rpm/SOURCES/$(STAGED).tar.gz
	$(Q)$(PACKAGE_ENV) rpmbuild -bb $(RPM_FLAGS) $(foreach d,$(RPM_DEFINES),--define '$(subst =, ,$(d))') \
	        packaging/rpm/ftwatchd.spec
	$(Q)mv $(PACKAGES_DIR)/rpm/RPMS/*/*.rpm $(PACKAGES_DIR)

.PHONY: deb rpm
